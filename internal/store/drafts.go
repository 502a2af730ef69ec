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

// Draft implements exchange.Heads. Heads of the journal that the database has forgotten are noted before.
func (l *Evidence) Draft(ctx context.Context, window chain.Height) (exchange.Draft, error) {
	w, ok := coordination.RFC12().Window(window)
	if !ok {
		return exchange.Draft{}, fmt.Errorf("draft a head: no window begins at block %d", window)
	}
	if err := l.recall(ctx, w.Block); err != nil {
		return exchange.Draft{}, err
	}
	d := exchange.Draft{Window: window}
	err := l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		if d.State, err = l.readState(ctx, tx); err != nil {
			return err
		}
		heard, err := readHeard(ctx, tx, l.cfg.Self, w)
		if err != nil {
			return err
		}
		d.New = nil
		for _, w := range d.Wallets {
			if h, ended := heard[w.ID()]; ended {
				if e, some := h.Entry(); some {
					d.New = append(d.New, e)
				}
			}
		}
		return nil
	})
	return d, wrap("draft a head", err)
}

// readHeard reads what is on record of a window, of each wallet that has its final result.
func readHeard(ctx context.Context, tx *sql.Tx, self chain.Operator, w coordination.Window) (map[chain.WalletID]exchange.Heard, error) {
	heard := map[chain.WalletID]exchange.Heard{}
	rows, err := tx.QueryContext(ctx, `SELECT r.wallet, r.leader,
			EXISTS (SELECT 1 FROM actions a WHERE a.block = r.block AND a.wallet = r.wallet) OR EXISTS (SELECT 1 FROM signings s WHERE s.block = r.block AND s.wallet = r.wallet)
		FROM results r WHERE r.block = $1 AND r.finished ORDER BY r.wallet`, height(w.Block))
	ended, err := collect(rows, err, func(row scanner) (h exchange.Heard, err error) {
		h.Window = w.Block
		return h, row.Scan(fixed(h.Wallet[:]), fixed(h.Leader[:]), &h.Acted)
	})
	if err != nil {
		return nil, err
	}
	for _, h := range ended {
		heard[h.Wallet] = h
	}
	say := func(wallet chain.WalletID, s exchange.Saying) {
		if h, ended := heard[wallet]; ended {
			h.Said = append(h.Said, s)
			heard[wallet] = h
		}
	}
	statements, err := selectStatements(ctx, tx, w.Block, nil)
	if err != nil {
		return nil, err
	}
	for _, s := range statements {
		say(s.Wallet, exchange.Saying{Sender: s.Author, Digest: s.Digest, InTime: s.ArrivedAt < w.ActiveEnd})
	}
	rows, err = tx.QueryContext(ctx, `SELECT wallet, payload FROM own_proposals WHERE block = $1`, height(w.Block))
	_, err = collect(rows, err, func(row scanner) (wallet chain.WalletID, err error) {
		var payload []byte
		if err := row.Scan(fixed(wallet[:]), &payload); err != nil {
			return wallet, err
		}
		if m, err := proposal.DecodeMessage(payload); err == nil {
			say(wallet, exchange.Saying{Sender: self, Digest: m.Digest(), InTime: true})
		} else if h, ended := heard[wallet]; ended { // whatever it was, something was said
			h.Acted = true
			heard[wallet] = h
		}
		return wallet, nil
	})
	return heard, err
}
