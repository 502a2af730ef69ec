package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/cluster"
)

// A head in the journal of what is sent is an entry of no wallet: its payload is the head's ID, its envelope the signed message.

// headEntry is a head as the journal has it.
func headEntry(h evidence.Head, by cluster.Seal) cluster.Entry {
	id := h.ID()
	e := cluster.Entry{Window: h.Window, Holder: by.Holder, Generation: by.Generation}
	e.Own.Payload, e.Own.Envelope = id[:], h.Signed()
	e.Digest = cluster.Digest(e.Own)
	return e
}

// journaledHeads returns the heads among a journal's entries, and the rest.
func journaledHeads(entries []cluster.Entry) (list []evidence.Head, others []cluster.Entry) {
	for _, e := range entries {
		if e.Wallet != (chain.WalletID{}) {
			others = append(others, e)
			continue
		}
		if h, err := evidence.ReadHead(e.Own.Envelope); err == nil { // the journal's checksum was right: a later version's, perhaps
			list = append(list, h)
		}
	}
	return list, others
}

// journal writes heads down that are about to be sent, if they are not there yet.
func (l *Evidence) journal(about ...evidence.Head) error {
	if l.cfg.Journal == nil {
		return nil
	}
	there, err := l.journaled()
	if err != nil {
		return err
	}
	var by cluster.Seal
	if l.cfg.Seal != nil {
		if by, err = l.cfg.Seal(); err != nil {
			return fmt.Errorf("write head down: %w", err)
		}
	}
	for _, h := range about {
		if there[h.ID()] {
			continue
		}
		if err := l.cfg.Journal.Append(headEntry(h, by)); err != nil {
			return fmt.Errorf("write head down: %w", err)
		}
	}
	return nil
}

// journaled returns the heads that were written down.
func (l *Evidence) journaled() (map[[32]byte]bool, error) {
	entries, err := l.cfg.Journal.Entries()
	if err != nil {
		return nil, fmt.Errorf("read what heads were sent: %w", err)
	}
	list, _ := journaledHeads(entries)
	there := make(map[[32]byte]bool, len(list))
	for _, h := range list {
		there[h.ID()] = true
	}
	return there, nil
}

// recognise skips the first window of which a head is to be made since the start if the journal is not the one of this database, as where a
// copy of it was restored on another machine: what the node attested after the copy was made nobody here knows, and that window, the
// newest one, is the last of it.
func (l *Evidence) recognise(ctx context.Context, journaled []evidence.Head, window chain.Height) error {
	if l.cfg.Seal != nil || l.compared.Load() {
		return nil // instances have generations for it
	}
	sent, err := selectHeads(ctx, l.db, `WHERE own AND NOT lost AND sent ORDER BY block DESC LIMIT 1`)
	if err != nil {
		return wrap("compare heads with the journal", err)
	}
	for _, h := range sent {
		if !slices.ContainsFunc(journaled, func(j evidence.Head) bool { return j.ID() == h.ID() }) {
			l.skipped.Store(uint64(window))
			l.store.log.Warn("The journal of what was sent is not the one of this database: a window is left without a head", "window", uint64(window))
		}
	}
	l.compared.Store(true)
	return nil
}

// recall notes the heads of the journal that the database has forgotten. It writes only if there are any. Window is the one of which a
// head is to be made.
func (l *Evidence) recall(ctx context.Context, window chain.Height) error {
	if l.cfg.Journal == nil {
		return nil
	}
	entries, err := l.cfg.Journal.Entries()
	if err != nil {
		return fmt.Errorf("read what heads were sent: %w", err)
	}
	list, _ := journaledHeads(entries)
	if err := l.recognise(ctx, list, window); err != nil {
		return err
	}
	missing, err := unknownHeads(ctx, l.db, list)
	if err != nil || len(missing) == 0 {
		return wrap("compare heads with the journal", err)
	}
	return l.store.writes.do(ctx, "put back heads that were sent", func(ctx context.Context, tx *sql.Tx) error {
		_, err := noteLost(ctx, tx, missing)
		return err
	})
}

// unknownHeads returns those of some own heads whose window has none.
func unknownHeads(ctx context.Context, db querier, list []evidence.Head) (missing []evidence.Head, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx, `SELECT block FROM heads WHERE own`)
	windows, err := collect(rows, err, func(row scanner) (at chain.Height, err error) { return at, row.Scan((*height)(&at)) })
	if err != nil {
		return nil, err
	}
	known := make(map[chain.Height]bool, len(windows))
	for _, at := range windows {
		known[at] = true
	}
	for _, h := range list {
		if !known[h.Window] {
			known[h.Window] = true
			missing = append(missing, h)
		}
	}
	return missing, nil
}

// noteLost notes own heads that were sent and are not known, and returns those that were not. No head is made of their windows or
// of earlier ones any more, and nothing new is signed in them.
func noteLost(ctx context.Context, tx *sql.Tx, list []evidence.Head) ([]evidence.Head, error) {
	missing, err := unknownHeads(ctx, tx, list)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	if _, err := lockEvidence(ctx, tx); err != nil {
		return nil, err
	}
	for _, h := range missing {
		if err := insertHead(ctx, tx, h, lostHead); err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// Lost implements exchange.Heads.
func (l *Evidence) Lost(ctx context.Context, h evidence.Head) (lost bool, err error) {
	if h.Operator != l.cfg.Self {
		return false, errors.New("note a lost head: it is not our own")
	}
	err = l.store.writes.do(ctx, "note a lost head", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := noteLost(ctx, tx, []evidence.Head{h}); err != nil {
			return err
		}
		stored, err := selectHeads(ctx, tx, `WHERE own AND NOT lost AND block = $1`, height(h.Window))
		lost = err == nil && (len(stored) == 0 || stored[0].ID() != h.ID())
		return err
	})
	return lost && err == nil, err
}
