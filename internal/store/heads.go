package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// State implements exchange.Heads.
func (l *Evidence) State(ctx context.Context) (exchange.State, error) {
	var s exchange.State
	err := l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		s, err = l.readState(ctx, tx)
		return err
	})
	return s, wrap("read what is attested", err)
}

func (l *Evidence) readState(ctx context.Context, tx *sql.Tx) (s exchange.State, err error) {
	if s, err = l.readHeads(ctx, tx); err != nil || s.Head.Window == 0 {
		return s, err
	}
	s.Entries, err = selectEntries(ctx, tx, `block >= $1 AND block <= $2`, height(since(s.Head.Window)), height(s.Head.Window))
	return s, err
}

// Since implements exchange.Heads.
func (l *Evidence) Since(ctx context.Context, window chain.Height, version uint64) (s exchange.State, some bool, err error) {
	err = l.snapshot(ctx, func(tx *sql.Tx) (err error) {
		var there int64
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM heads WHERE block = $1 AND own AND NOT lost AND version = $2`, height(window), natural(version)).Scan(&there)
		if some = there > 0; err != nil || !some {
			return err
		}
		if s, err = l.readHeads(ctx, tx); err != nil {
			return err
		}
		if s.Entries, err = selectEntries(ctx, tx, `block > $1 AND block <= $2`, height(window), height(s.Head.Window)); err != nil {
			return err
		}
		filled, err := selectEntries(ctx, tx, `filled > 0 AND filled >= $1 AND block <= $1 AND block >= $2`, height(window), height(since(s.Head.Window)))
		s.Entries = append(s.Entries, filled...)
		return err
	})
	return s, some && err == nil, wrap("read what is attested", err)
}

// readHeads reads all of a state but its entries.
func (l *Evidence) readHeads(ctx context.Context, tx *sql.Tx) (s exchange.State, err error) {
	if s.Version, err = evidenceVersion(ctx, tx); err != nil {
		return s, err
	}
	if s.Wallets, err = l.about.wallets(ctx, tx, l.cfg.Self); err != nil {
		return s, err
	}
	own, err := selectHeads(ctx, tx, `WHERE own AND NOT lost ORDER BY block DESC LIMIT 1`)
	if err != nil || len(own) == 0 {
		return s, err
	}
	s.Head = own[0]
	err = tx.QueryRowContext(ctx, `SELECT version FROM heads WHERE block = $1 AND own AND NOT lost`, height(s.Head.Window)).Scan((*natural)(&s.Made))
	if err != nil {
		return s, err
	}
	if before, some := s.Head.PreviousWindow(); some {
		own, err := selectHeads(ctx, tx, `WHERE own AND NOT lost AND block = $1`, height(before))
		if err != nil {
			return s, err
		}
		if len(own) == 1 {
			s.Before = own[0]
		}
	}
	return s, nil
}

// since is the first window that a head of a window attests.
func since(window chain.Height) chain.Height {
	if back := (evidence.Span - 1) * frequency; window > back {
		return window - back
	}
	return 0
}

func selectHeads(ctx context.Context, db querier, where string, args ...any) ([]evidence.Head, error) {
	rows, err := db.QueryContext(ctx, `SELECT signed FROM heads `+where, args...)
	return collect(rows, err, func(row scanner) (evidence.Head, error) {
		var signed []byte
		if err := row.Scan(&signed); err != nil {
			return evidence.Head{}, err
		}
		h, err := evidence.ReadHead(signed)
		if err != nil {
			return evidence.Head{}, fmt.Errorf("%w: head: %w", ErrCorrupt, err)
		}
		return h, nil
	})
}

func selectEntries(ctx context.Context, db querier, where string, args ...any) ([]exchange.Attested, error) {
	rows, err := db.QueryContext(ctx, `SELECT block, wallet, status, leader, sender, digest, filled FROM entries WHERE `+where+` ORDER BY block, wallet`, args...)
	return collect(rows, err, scanEntry)
}

func scanEntry(row scanner) (a exchange.Attested, err error) {
	var status int64
	err = row.Scan((*height)(&a.Window), fixed(a.Wallet[:]), &status, fixed(a.Leader[:]), fixed(a.Sender[:]), fixed(a.Statement[:]), (*height)(&a.Filled))
	if err != nil {
		return a, err
	}
	a.Status = evidence.Status(max(0, min(status, 255))) //nolint:gosec // within a byte
	if err := a.Check(); err != nil {
		return a, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return a, nil
}

// Attest implements exchange.Heads.
func (l *Evidence) Attest(ctx context.Context, d exchange.Draft, h evidence.Head) (version uint64, err error) {
	if h.Operator != l.cfg.Self || h.Window != d.Window || h.Window == 0 || slices.ContainsFunc(d.New, func(e evidence.Entry) bool { return e.Window != d.Window }) {
		return 0, fmt.Errorf("store head: the head of %v is not that of the draft of window %d", h, d.Window)
	}
	var barred []chain.WalletID
	for _, e := range d.New {
		if e.Bars() {
			barred = append(barred, e.Wallet)
		}
	}
	err = l.sealed(ctx, "store head", func(ctx context.Context, tx *sql.Tx, doubts func(chain.Height) bool) error {
		// Whoever acts for a wallet among instances locks its row first, so either that is seen here or this there.
		if err := l.lockSlots(ctx, tx, barred); err != nil {
			return err
		}
		before, after, err := lockEvidence(ctx, tx, l.at.dialect())
		if err != nil {
			return err
		}
		var newest height
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(block), 0) FROM heads WHERE own`).Scan(&newest); err != nil {
			return err
		}
		switch {
		case chain.Height(newest) >= h.Window:
			return fmt.Errorf("%w: the last one is of window %d", exchange.ErrAttested, newest)
		case before != d.Version:
			return exchange.ErrStale
		case doubts(h.Window):
			return exchange.ErrDoubtful
		}
		if acted, err := actedIn(ctx, tx, d.Window, barred); err != nil || acted {
			return errors.Join(err, exchange.ErrStale)
		}
		if err := insertEntries(ctx, tx, l.at.dialect(), d.New); err != nil {
			return err
		}
		version = after
		return insertHeads(ctx, tx, l.at.dialect(), ownHead, after, h)
	})
	if err == nil {
		err = l.journal(h)
	}
	if err != nil {
		return 0, err
	}
	return version, nil
}

// lockSlots keeps what is done for wallets waiting until the transaction ends. A wallet that nobody was responsible for yet gets its
// row first.
func (l *Evidence) lockSlots(ctx context.Context, tx *sql.Tx, wallets []chain.WalletID) error {
	if l.cfg.Seal == nil || len(wallets) == 0 {
		return nil // an only node writes one change after the other
	}
	if err := addOwners(ctx, tx, wallets); err != nil {
		return err
	}
	_, err := lockOwners(ctx, tx, l.at.dialect(), wallets)
	return err
}

// actedIn reports whether anything was said or asked of signers in a window for one of some wallets.
func actedIn(ctx context.Context, tx *sql.Tx, window chain.Height, wallets []chain.WalletID) (bool, error) {
	for some := range slices.Chunk(inOrder(wallets), maxRows) {
		var in conditions
		block := in.placeholder(height(window))
		list := in.wallets(some)
		var n int64
		err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM signings WHERE block = `+block+` AND wallet IN (`+list+`))
			+ (SELECT COUNT(*) FROM own_proposals WHERE block = `+block+` AND wallet IN (`+list+`))
			+ (SELECT COUNT(*) FROM actions WHERE block = `+block+` AND wallet IN (`+list+`))`, in.args...).Scan(&n)
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

func insertEntries(ctx context.Context, tx *sql.Tx, d dialect, entries []evidence.Entry) error {
	rows := make([][]any, len(entries))
	for i := range entries {
		e := &entries[i]
		rows[i] = []any{height(e.Window), e.Wallet[:], int64(e.Status), e.Leader[:], e.Sender[:], e.Statement[:], int64(0)}
	}
	return insertRows(ctx, tx, d, `INSERT INTO entries (block, wallet, status, leader, sender, digest, filled) VALUES `, rows)
}

// headOf says whose a head is.
type headOf int

const (
	othersHead headOf = iota
	ownHead
	lostHead // our own, known by what was sent
)

// insertHeads inserts those of whose operator and window there is none.
func insertHeads(ctx context.Context, tx *sql.Tx, d dialect, whose headOf, version uint64, list ...evidence.Head) error {
	if len(list) == 0 {
		return nil
	}
	now := instant(time.Now())
	together := 1
	if !d.prepares {
		together = rowsAtOnce
	}
	for some := range slices.Chunk(list, together) {
		var in conditions
		rows := make([]string, len(some))
		for i, h := range some {
			rows[i] = in.row(height(h.Window), h.Operator[:], h.Signed(), whose != othersHead, whose == lostHead, whose != ownHead, natural(version), now)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO heads (block, operator, signed, own, lost, sent, version, stored_time) VALUES `+strings.Join(rows, ", ")+`
			ON CONFLICT (block, operator) DO NOTHING`, in.args...)
		if err != nil {
			return err
		}
	}
	return nil
}

// Sent implements exchange.Heads.
func (l *Evidence) Sent(ctx context.Context, window chain.Height) error {
	return l.store.writes.do(ctx, "note that a head was sent", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE heads SET sent = TRUE WHERE block = $1 AND own`, height(window))
		return err
	})
}

// Unsent implements exchange.Heads.
func (l *Evidence) Unsent(ctx context.Context) ([]evidence.Head, error) {
	own, err := selectHeads(ctx, l.db, `WHERE own AND NOT sent ORDER BY block DESC LIMIT `+fmt.Sprint(evidence.Span))
	if err != nil || len(own) == 0 {
		return nil, wrap("read heads", err)
	}
	slices.Reverse(own)
	return own, l.journal(own...)
}

// SaveHeads implements exchange.Heads.
func (l *Evidence) SaveHeads(ctx context.Context, list []evidence.Head) error {
	if slices.ContainsFunc(list, func(h evidence.Head) bool { return h.Operator == l.cfg.Self }) {
		return errors.New("store heads of other operators: one is our own")
	}
	if len(list) == 0 {
		return nil
	}
	return l.store.writes.do(ctx, "store heads of other operators", func(ctx context.Context, tx *sql.Tx) error {
		return insertHeads(ctx, tx, l.at.dialect(), othersHead, 0, list...)
	})
}

// HeadsFrom implements exchange.Heads.
func (r Reader) HeadsFrom(ctx context.Context, window chain.Height) ([]evidence.Head, error) {
	all, err := selectHeads(ctx, r.db, `WHERE NOT own AND block >= $1 ORDER BY block, operator`, height(window))
	return all, wrap("read heads", err)
}
