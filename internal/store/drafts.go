package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/proposal"
)

// Draft implements exchange.Heads.
func (l *Evidence) Draft(ctx context.Context, window chain.Height) (exchange.Draft, error) {
	w, ok := coordination.RFC12().Window(window)
	if !ok {
		return exchange.Draft{}, fmt.Errorf("draft a head: no window begins at block %d", window)
	}
	l.passOver(w.Block)
	d := exchange.Draft{Window: window}
	err := l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if d.Version, err = evidenceVersion(ctx, tx); err != nil {
			return err
		}
		if d.Wallets, err = l.about.wallets(ctx, tx, l.cfg.Self); err != nil {
			return err
		}
		heard, err := readHeard(ctx, tx, l.cfg.Self, w)
		if err != nil {
			return err
		}
		d.New = nil
		for _, w := range d.Wallets {
			if h := heard[w.ID()]; h != nil {
				if e, some := h.Entry(); some {
					d.New = append(d.New, e)
				}
			}
		}
		return nil
	})
	return d, wrap("draft a head", err)
}

// readHeard reads what is on record of a window, of each wallet that has its final result: a few columns of the window's rows.
func readHeard(ctx context.Context, tx *sql.Tx, self chain.Operator, w coordination.Window) (map[chain.WalletID]*exchange.Heard, error) {
	heard := map[chain.WalletID]*exchange.Heard{}
	err := each(ctx, tx, func(row scanner) error {
		h := &exchange.Heard{Slot: exchange.Slot{Window: w.Block}}
		if err := row.Scan(fixed(h.Wallet[:]), fixed(h.Leader[:])); err != nil {
			return err
		}
		heard[h.Wallet] = h
		return nil
	}, `SELECT wallet, leader FROM results WHERE block = $1 AND finished`, height(w.Block))
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(row scanner) error {
		var wallet chain.WalletID
		if err := row.Scan(fixed(wallet[:])); err != nil {
			return err
		}
		if h := heard[wallet]; h != nil {
			h.Acted = true
		}
		return nil
	}, `SELECT wallet FROM actions WHERE block = $1 UNION SELECT wallet FROM signings WHERE block = $1`, height(w.Block))
	if err != nil {
		return nil, err
	}
	var wallet chain.WalletID
	err = each(ctx, tx, func(row scanner) error {
		var s exchange.Saying
		var arrived height
		if err := row.Scan(fixed(wallet[:]), fixed(s.Sender[:]), fixed(s.Digest[:]), &arrived); err != nil {
			return err
		}
		s.InTime = chain.Height(arrived) < w.ActiveEnd
		// Of what others than the leader say nothing is attested, and a member can say much.
		if h := heard[wallet]; h != nil && (h.Leader.IsZero() || h.Leader == s.Sender) {
			h.Said = append(h.Said, s)
		}
		return nil
	}, `SELECT wallet, author, digest, arrived_at FROM statements WHERE block = $1`, height(w.Block))
	if err != nil {
		return nil, err
	}
	err = each(ctx, tx, func(row scanner) error {
		var payload []byte
		if err := row.Scan(fixed(wallet[:]), &payload); err != nil {
			return err
		}
		h := heard[wallet]
		if h == nil {
			return nil
		}
		if m, err := proposal.DecodeMessage(payload); err == nil {
			h.Said = append(h.Said, exchange.Saying{Sender: self, Digest: m.Digest(), InTime: true})
			return nil
		}
		h.Acted = true // whatever it was, something was said
		return nil
	}, `SELECT wallet, payload FROM own_proposals WHERE block = $1`, height(w.Block))
	return heard, err
}

// each has every row of a query scanned.
func each(ctx context.Context, db querier, scan func(scanner) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // what can fail while reading is in rows.Err
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
