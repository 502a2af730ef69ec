package sim

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/store"
)

// older is a copy of an operator's database, which an operator has made beside what runs on it, as `walletnode store backup` makes one.
type older struct {
	file    string
	at      chain.Height // when it was begun
	history int32        // how often the database had been put back by then
	made    atomic.Bool
}

// restoring is that an operator brings a copy back: all his instances are being stopped, or are.
type restoring struct {
	*older
	rest chain.Height // for how long they are down once the copy is there
}

// copyAges are how many blocks a copy is older than the moment at which it is put in the database's place: of the same window, of the one
// before, and of when nothing had happened yet.
var copyAges = []chain.Height{7, 30, 60, 120, 300, 900, 1000, 2000}

// copiedAt is when the copy is made that an event puts back. Wallets are there by then.
func (e event) copiedAt() chain.Height {
	if age := copyAges[e.n%len(copyAges)]; e.at > houseStart+3+age {
		return e.at - age
	}
	return houseStart + 3
}

// copiesDue has operators make the copies that they will need.
func (h *house) copiesDue(p plan) {
	for _, e := range p.events {
		if e.kind != putBack || h.copies[e.nth] != nil || h.tip() < e.copiedAt() {
			continue
		}
		f, c := h.firms[e.who%len(h.firms)], &older{file: filepath.Join(h.dir, fmt.Sprintf("copy%d.db", e.nth)), at: h.tip()}
		h.copies[e.nth] = c
		go func() { // the disk may be slow
			if f.disk.lock(context.Background()) != nil {
				return
			}
			defer f.disk.unlock()
			c.history = f.history.Load()
			if err := store.Backup(context.Background(), "sqlite:"+f.database(), c.file, slog.New(slog.DiscardHandler), nil); err != nil {
				h.record.fault("no copy of operator %d's database is made: %v", f.n, err)
				return
			}
			c.made.Store(true)
		}()
	}
}

// putsBack begins to bring a copy back: the operator stops all that runs on the database.
func (h *house) putsBack(e event) {
	f, c := h.firms[e.who%len(h.firms)], h.copies[e.nth]
	if c == nil || !c.made.Load() || f.restoring != nil {
		return
	}
	f.restoring = &restoring{c, e.lasts}
	for _, i := range f.crew {
		if i.node != nil {
			i.life.goOn()
			i.life.kill()
		}
	}
}

// restore puts the copy in the database's place once nothing runs on that any more. Journals and signers stay as they are, as runbooks demand.
// A node alone starts after a window's first 100 blocks (docs/runbooks/store-failed.md); instances of a database server, which tells that its
// history is another one, may start at any time.
func (f *firm) restore() {
	if f.restoring == nil || slices.ContainsFunc(f.crew, func(i *instance) bool { return i.node != nil }) {
		return
	}
	f.record.lookAt(f)
	if f.plan.generates() {
		f.survey()
	}
	f.closeReader()
	require.NoError(f.t, f.disk.lock(context.Background())) // another copy may be under way
	for _, left := range []string{"-wal", "-shm"} {
		require.NoError(f.t, os.RemoveAll(f.database()+left))
	}
	require.NoError(f.t, copyFile(f.restoring.file, f.database()))
	f.disk.unlock()
	f.record.restored(f, f.restoring.at, f.restoring.history == f.history.Load())
	f.history.Add(1)
	for n, i := range f.crew {
		i.back = f.tip() + max(1, f.restoring.rest>>n)
		if window := i.back - i.back%900; !f.shared && i.back < window+100 {
			i.back = window + 100
		}
		i.rest = 0
	}
	f.restoring = nil
}

// origin is what an operator's database server tells of its history: one that was restored is on another timeline.
func (f *firm) origin() string { return fmt.Sprintf("timeline %d", 1+f.history.Load()) }

func (f *firm) closeReader() {
	if f.tool != nil {
		require.NoError(f.t, f.tool.Close())
		f.tool = nil
	}
}

// restored is told that an operator's database is the one that it was at a height. What the copy has must be what was there all the time; what it
// has not is gone, by the operator's own hand, and that alone. What signers are bound to is not in it. A copy from before another one was put back
// (not straight) has what that one had not.
func (r *record) restored(f *firm, from chain.Height, straight bool) {
	kept := f.facts()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(r.facts[f])) {
		was := r.facts[f][key]
		now, there := kept[key]
		switch {
		case straight && there && now != was, !there && strings.HasPrefix(key, "slot "):
			r.wrong("what was recorded stays: operator %d had %s = %q, and has %q (%v) since its database was put back", f.n, key, was, now, there)
		case !there && binding(key):
			if r.gone[f] == nil {
				r.gone[f] = map[string]string{}
			}
			r.gone[f][key] = was
		}
	}
	for _, key := range slices.Sorted(maps.Keys(kept)) {
		if _, there := r.facts[f][key]; straight && !there {
			r.wrong("what was recorded stays: a copy of operator %d's database has %s = %q, and the database had not", f.n, key, kept[key])
		}
	}
	r.facts[f] = kept
	r.remembered(f, kept)
	maps.DeleteFunc(r.results, func(at slot, text string) bool { return at.op == f.op && kept[resultKey(at.window, at.wallet)] != text })
	maps.DeleteFunc(r.able[f], func(window chain.Height, _ bool) bool { return window+houseQuiet > from })
	if r.banned[f].from >= from {
		delete(r.banned, f)
	}
	for _, c := range r.h.made {
		if c.of(f) && kept[generatedKey(c.session)] == "" {
			c.lost, c.spent[f] = true, true
		}
	}
	r.well[f], r.doubtful[f] = 0, f.shared
	r.restores++
}

// binding reports whether a fact is one that an operator is bound by, though its database has forgotten it.
func binding(key string) bool {
	return strings.HasPrefix(key, "own ") || strings.HasPrefix(key, "intent ") || strings.HasPrefix(key, "signed ")
}

// remembered checks that what an operator is bound by is what it was, if its database has it again. It is called with the mutex held.
func (r *record) remembered(f *firm, found map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(r.gone[f])) {
		if now, there := found[key]; there && now != r.gone[f][key] {
			r.wrong("what was recorded stays: operator %d had %s = %q before its database was put back, and now has %q", f.n, key, r.gone[f][key], now)
		}
	}
}

// compared notes whether all instances of an operator whose database was put back have been there for long enough to compare their journals with
// it: until then windows that one of them may have served are left alone. It is called with the mutex held.
func (r *record) compared(f *firm) {
	tip := r.h.tip()
	if !slices.ContainsFunc(f.crew, func(i *instance) bool { return i.awake == 0 || tip < i.awake+settling }) {
		r.doubtful[f] = false
	}
}

// Databases that are put back within a window, at a time: of instances that share one and of a node alone, in each phase of a window, to copies of all ages.
func TestHouseDatabasesThatWerePutBack(t *testing.T) {
	if bubble.Watched {
		t.Skip("another house")
	}
	var events []event
	for n := range 24 {
		events = append(events, event{
			nth: n, at: 900*chain.Height(1+n/8) + []chain.Height{0, 12, 40, 85, 105, 150, 250, 330}[n%8], //nolint:gosec // positive
			offset: time.Duration(100*n) * time.Millisecond, kind: putBack, who: n, n: n + n/8, lasts: 1 + chain.Height(n%4), //nolint:gosec // positive
		})
	}
	require.Empty(t, live(t, plan{seed: 5, storms: 3, events: events}, func(h *house) { require.Greater(t, h.record.restores, 20) }))
}
