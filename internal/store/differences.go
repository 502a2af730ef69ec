package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
)

// Statements implements exchange.Statements.
func (l *Evidence) Statements(ctx context.Context, wallet chain.WalletID, window chain.Height) ([][]byte, error) {
	var signed [][]byte
	err := l.snapshot(ctx, func(tx *sql.Tx) error {
		signed = nil
		e, err := entryOf(ctx, tx, wallet, window, "")
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		statements, err := selectStatements(ctx, tx, window, &wallet)
		byAuthor := map[chain.Operator]int{}
		for _, s := range statements {
			if byAuthor[s.Author]++; byAuthor[s.Author] <= 2 && (e.Sender.IsZero() || e.Sender == s.Author) {
				signed = append(signed, s.Signed)
			}
		}
		return err
	})
	return signed, wrap("read statements", err)
}

func entryOf(ctx context.Context, db querier, wallet chain.WalletID, window chain.Height, lock string) (exchange.Attested, error) {
	return scanEntry(db.QueryRowContext(ctx, `SELECT block, wallet, status, leader, sender, digest, filled FROM entries
		WHERE block = $1 AND wallet = $2`+lock, height(window), wallet[:]))
}

// Own implements exchange.Statements.
func (l *Evidence) Own(ctx context.Context, wallet chain.WalletID, window chain.Height) ([]byte, bool, error) {
	own, said, err := l.Reader.Own(ctx, wallet, window)
	return own.Envelope, said, err
}

// Fill implements exchange.Statements.
func (l *Evidence) Fill(ctx context.Context, s evidence.Statement, at chain.Height) (filled evidence.Entry, changed bool, err error) {
	row := coordination.Statement{
		Wallet: s.Wallet, Window: s.Window, Author: s.Operator, Seat: s.Seat, Digest: s.Digest, Signed: s.Signed(), ArrivedAt: at,
		Payload: proposal.EncodeMessage(proposal.Message{Sender: s.Seat, Block: s.Window, Wallet: s.Wallet, Proposal: s.Proposal}),
	}
	err = l.store.writes.do(ctx, "store a statement learned of", func(ctx context.Context, tx *sql.Tx) error {
		filled, changed = evidence.Entry{}, false
		// Who hears the other statement of the slot at this moment stores it behind the wallet's row: one of the two sees both.
		if err := l.lockSlots(ctx, tx, []chain.WalletID{s.Wallet}); err != nil {
			return err
		}
		if _, _, err := lockEvidence(ctx, tx, l.at.dialect()); err != nil {
			return err
		}
		if _, err := insertStatement(ctx, tx, row); err != nil {
			return err
		}
		e, err := entryOf(ctx, tx, s.Wallet, s.Window, l.at.dialect().lock)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil || e.Status != evidence.None || !e.Leader.IsZero() && e.Leader != s.Operator {
			return err
		}
		late := evidence.Entry{Wallet: e.Wallet, Window: e.Window, Status: evidence.Late, Leader: e.Leader, Sender: s.Operator, Statement: s.Digest}
		if err := e.Becomes(late); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE entries SET status = $1, sender = $2, digest = $3, filled = (SELECT MAX(block) FROM heads WHERE own AND NOT lost)
			WHERE block = $4 AND wallet = $5`, int64(late.Status), late.Sender[:], late.Statement[:], height(late.Window), late.Wallet[:])
		filled, changed = late, err == nil
		return err
	})
	if err != nil {
		return evidence.Entry{}, false, err
	}
	return filled, changed, nil
}

// Explain implements exchange.Statements.
func (l *Evidence) Explain(ctx context.Context, peer chain.Operator, known heads.Known, open []exchange.Slot) error {
	unexplained := map[exchange.Slot]bool{}
	for _, slot := range open {
		unexplained[slot] = true
	}
	return l.store.writes.do(ctx, "store differences", func(ctx context.Context, tx *sql.Tx) error {
		var there int64
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM differences WHERE operator = $1`, peer[:]).Scan(&there); err != nil {
			return err
		}
		for wallet, list := range known {
			for _, d := range list {
				slot := exchange.Slot{Wallet: wallet, Window: d.Window}
				if there++; there > exchange.MaxKnown {
					return nil
				}
				if err := insertDifference(ctx, tx, peer, slot, d.Attested, unexplained[slot]); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func insertDifference(ctx context.Context, tx *sql.Tx, peer chain.Operator, at exchange.Slot, attested *evidence.Entry, open bool) error {
	entry := []byte{}
	if attested != nil {
		var err error
		encoding := proto.MarshalOptions{Deterministic: true}
		if entry, err = encoding.Marshal(evidence.EntryForm(*attested)); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO differences (block, wallet, operator, entry, open) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (block, wallet, operator) DO UPDATE SET entry = excluded.entry, open = excluded.open`,
		height(at.Window), at.Wallet[:], peer[:], entry, open)
	return err
}

// Known implements exchange.Statements.
func (l *Evidence) Known(ctx context.Context, peer chain.Operator, from chain.Height) (heads.Known, error) {
	type difference struct {
		exchange.Slot
		entry []byte
	}
	rows, err := l.db.QueryContext(ctx, `SELECT wallet, block, entry FROM differences WHERE operator = $1 AND block >= $2 ORDER BY block, wallet`,
		peer[:], height(from))
	all, err := collect(rows, err, func(row scanner) (d difference, err error) {
		return d, row.Scan(fixed(d.Wallet[:]), (*height)(&d.Window), &d.entry)
	})
	if err != nil {
		return nil, wrap("read differences", err)
	}
	known := heads.Known{}
	for _, d := range all {
		instead := heads.Instead{Window: d.Window}
		if len(d.entry) > 0 {
			raw := new(pb.Entry)
			err := proto.Unmarshal(d.entry, raw)
			var e evidence.Entry
			if err == nil {
				e, err = evidence.ReadEntry(raw)
			}
			if err != nil {
				return nil, fmt.Errorf("read differences: %w: %w", ErrCorrupt, err)
			}
			instead.Attested = &e
		}
		known[d.Wallet] = append(known[d.Wallet], instead)
	}
	return known, nil
}

// SaveQuotes implements exchange.Statements. What an operator said as leader stands among the statements.
func (l *Evidence) SaveQuotes(ctx context.Context, quotes []evidence.Quote) error {
	if len(quotes) == 0 {
		return nil
	}
	return l.store.writes.do(ctx, "store quotes", func(ctx context.Context, tx *sql.Tx) error {
		for _, q := range quotes {
			if q.Leading {
				continue
			}
			_, err := tx.ExecContext(ctx, `INSERT INTO quotes (block, operator, wallet, signed) SELECT $1, $2, $3, $4
				WHERE (SELECT COUNT(*) FROM quotes WHERE block = $1 AND operator = $2) < $5
				ON CONFLICT (block, operator, wallet) DO NOTHING`,
				height(q.Window), q.Operator[:], q.Wallet[:], q.Signed(), int64(exchange.MaxQuotes))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Quotes implements exchange.Statements.
func (l *Evidence) Quotes(ctx context.Context, of chain.Operator, about []evidence.Entry) ([]evidence.Quote, error) {
	quotes, err := selectQuotes(ctx, l.db, of, about)
	return quotes, wrap("read quotes", err)
}

// selectQuotes asks once for each window what of it is on record, whatever a peer denies. A signature is looked at, which takes as long as
// reading fifty rows, only where an entry asks for it.
func selectQuotes(ctx context.Context, db querier, of chain.Operator, about []evidence.Entry) (quotes []evidence.Quote, _ error) {
	acted, led := map[exchange.Slot]bool{}, map[exchange.Slot]bool{} // in whose windows it may have acted; or have spoken as the leader
	for _, e := range about {
		slot := exchange.Slot{Wallet: e.Wallet, Window: e.Window}
		if acted[slot] = true; e.Leader == of {
			led[slot] = true
		}
	}
	for _, from := range []struct {
		slots         map[exchange.Slot]bool
		wallets, said string // of a window; about one of them
	}{
		{
			acted, `SELECT wallet FROM quotes WHERE block = $1 AND operator = $2 ORDER BY wallet`,
			`SELECT signed FROM quotes WHERE block = $1 AND operator = $2 AND wallet = $3`,
		},
		{
			led, `SELECT DISTINCT wallet FROM statements WHERE block = $1 AND author = $2 ORDER BY wallet`,
			`SELECT signed FROM statements WHERE block = $1 AND author = $2 AND wallet = $3 ORDER BY digest`,
		},
	} {
		there, err := selectSlots(ctx, db, from.wallets, of, from.slots)
		if err != nil {
			return nil, err
		}
		for _, slot := range there {
			rows, err := db.QueryContext(ctx, from.said, height(slot.Window), of[:], slot.Wallet[:])
			list, err := collect(rows, err, func(row scanner) (signed []byte, err error) { return signed, row.Scan(&signed) })
			if err != nil {
				return nil, err
			}
			for _, signed := range list {
				if len(quotes) >= exchange.MaxQuoted {
					return quotes, nil
				}
				if q, err := evidence.ReadQuote(signed); err == nil { // otherwise nobody could verify it, and it proves nothing
					quotes = append(quotes, q)
				}
			}
		}
	}
	return quotes, nil
}

// selectSlots returns those of which a query finds the wallet in their window, ascending by window.
func selectSlots(ctx context.Context, db querier, query string, of chain.Operator, wanted map[exchange.Slot]bool) (there []exchange.Slot, _ error) {
	windows := map[chain.Height]bool{}
	for slot := range wanted {
		windows[slot.Window] = true
	}
	for _, window := range slices.Sorted(maps.Keys(windows)) {
		rows, err := db.QueryContext(ctx, query, height(window), of[:])
		list, err := collect(rows, err, func(row scanner) (slot exchange.Slot, err error) {
			slot.Window = window
			return slot, row.Scan(fixed(slot.Wallet[:]))
		})
		if err != nil {
			return nil, err
		}
		there = append(there, slices.DeleteFunc(list, func(s exchange.Slot) bool { return !wanted[s] })...)
	}
	return there, nil
}
