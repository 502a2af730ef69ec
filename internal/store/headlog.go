package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

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

// written is what the journal has of heads: those of the last evidence.Span windows, of which alone anything can be done still. The
// file is read once, for nobody else writes it.
type written struct {
	mu   sync.Mutex
	read bool
	ids  map[[32]byte]evidence.Head
}

// load reads the journal unless it was. It is called with the mutex held.
func (w *written) load(from cluster.Log) error {
	if w.read {
		return nil
	}
	entries, err := from.Entries()
	if err != nil {
		return fmt.Errorf("read what heads were sent: %w", err)
	}
	w.ids = map[[32]byte]evidence.Head{}
	list, _ := journaledHeads(entries)
	for _, h := range recent(list) {
		w.ids[h.ID()] = h
	}
	w.read = true
	return nil
}

// add notes a head, and forgets what is too old beside it.
func (w *written) add(h evidence.Head) {
	w.ids[h.ID()] = h
	maps.DeleteFunc(w.ids, func(_ [32]byte, other evidence.Head) bool { return other.Window < since(h.Window) })
}

// recent returns those of some own heads with which anything can be done still, ascending by window.
func recent(list []evidence.Head) []evidence.Head {
	list = slices.SortedFunc(slices.Values(list), func(a, b evidence.Head) int { return cmp.Compare(a.Window, b.Window) })
	if len(list) == 0 {
		return nil
	}
	first := since(list[len(list)-1].Window)
	return slices.DeleteFunc(list, func(h evidence.Head) bool { return h.Window < first })
}

// journal writes heads down that are about to be sent, if they are not there yet.
func (l *Evidence) journal(about ...evidence.Head) error {
	if l.cfg.Journal == nil {
		return nil
	}
	l.written.mu.Lock()
	defer l.written.mu.Unlock()
	if err := l.written.load(l.cfg.Journal); err != nil {
		return err
	}
	var by cluster.Seal
	if l.cfg.Seal != nil {
		var err error
		if by, err = l.cfg.Seal(); err != nil {
			return fmt.Errorf("write head down: %w", err)
		}
	}
	for _, h := range about {
		if _, there := l.written.ids[h.ID()]; there {
			continue
		}
		if err := l.cfg.Journal.Append(headEntry(h, by)); err != nil {
			return fmt.Errorf("write head down: %w", err)
		}
		l.written.add(h)
	}
	return nil
}

// Recall implements exchange.Heads. It writes only if the database has forgotten any.
func (l *Evidence) Recall(ctx context.Context) error {
	if l.cfg.Journal == nil {
		return nil
	}
	l.written.mu.Lock()
	defer l.written.mu.Unlock()
	if err := l.written.load(l.cfg.Journal); err != nil {
		return err
	}
	if err := l.recognise(ctx); err != nil {
		return wrap("compare heads with the journal", err)
	}
	list := recent(slices.Collect(maps.Values(l.written.ids)))
	missing, err := unknownHeads(ctx, l.db, list)
	if err != nil || len(missing) == 0 {
		return wrap("compare heads with the journal", err)
	}
	return l.store.writes.do(ctx, "put back heads that were sent", func(ctx context.Context, tx *sql.Tx) error {
		_, err := noteLost(ctx, tx, l.at.dialect(), missing)
		return err
	})
}

// recognise notes whether the journal is the one of this database. It is not where a copy of it was restored on another machine: what the
// node attested after the copy was made nobody here knows. It is called with the journal's mutex held.
func (l *Evidence) recognise(ctx context.Context) error {
	if l.cfg.Seal != nil || l.compared.Load() {
		return nil // instances have generations for it
	}
	sent, err := selectHeads(ctx, l.db, `WHERE own AND NOT lost AND sent ORDER BY block DESC LIMIT 1`)
	if err != nil {
		return err
	}
	for _, h := range sent {
		if _, there := l.written.ids[h.ID()]; !there {
			l.strange.Store(true)
			l.store.log.Warn("The journal of what was sent is not the one of this database: windows that began before this start are left without a head")
		}
	}
	l.compared.Store(true)
	return nil
}

// passOver skips windows of which somebody may have made a head before the start, if the journal is that of another database. Heads are made
// of the newest window alone. So the last one that can have one is the newest at the first block that is younger than the start; until then, as
// where the endpoint has still to catch up with the chain, each window may have one that the copy does not know of.
func (l *Evidence) passOver(window chain.Height) {
	if !l.strange.Load() {
		return
	}
	if uint64(window) > l.skipped.Load() {
		l.skipped.Store(uint64(window))
	}
	if l.cfg.Newest == nil || l.cfg.Newest().After(l.began) {
		l.strange.Store(false)
	}
}

// unknownHeads returns those of some recent own heads whose window has none.
func unknownHeads(ctx context.Context, db querier, list []evidence.Head) (missing []evidence.Head, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	rows, err := db.QueryContext(ctx, `SELECT block FROM heads WHERE own AND block >= $1`, height(list[0].Window))
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
func noteLost(ctx context.Context, tx *sql.Tx, d dialect, list []evidence.Head) ([]evidence.Head, error) {
	missing, err := unknownHeads(ctx, tx, recent(list))
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	if _, _, err := lockEvidence(ctx, tx, d); err != nil {
		return nil, err
	}
	return missing, insertHeads(ctx, tx, d, lostHead, 0, missing...)
}

// Lost implements exchange.Heads.
func (l *Evidence) Lost(ctx context.Context, h evidence.Head) (lost bool, err error) {
	if h.Operator != l.cfg.Self {
		return false, errors.New("note a lost head: it is not our own")
	}
	err = l.store.writes.do(ctx, "note a lost head", func(ctx context.Context, tx *sql.Tx) error {
		if _, err := noteLost(ctx, tx, l.at.dialect(), []evidence.Head{h}); err != nil {
			return err
		}
		stored, err := selectHeads(ctx, tx, `WHERE own AND NOT lost AND block = $1`, height(h.Window))
		lost = err == nil && (len(stored) == 0 || stored[0].ID() != h.ID())
		return err
	})
	return lost && err == nil, err
}
