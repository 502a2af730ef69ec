package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// settling is how many blocks an operator is given after a trouble until something may be asked of it: a lease and what follows from it.
const settling = 15

// observe keeps who could take part, block by block.
func (r *record) observe() {
	tip := r.h.tip()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.h.all() {
		switch {
		case i.node == nil || !i.life.hears():
			i.awake = 0
		case i.awake == 0:
			i.awake = tip
		}
	}
	for _, f := range r.h.firms {
		r.compared(f)
		if !f.able() || r.doubtful[f] {
			r.well[f] = 0
			continue
		}
		if r.well[f] == 0 {
			r.well[f] = tip
		}
		r.barred(f)
		// From 30 blocks before the active phase's end on, and until its result is stored.
		if in := tip % 900; in == 110 && tip-r.well[f] >= 60+settling {
			if r.able[f] == nil {
				r.able[f] = map[chain.Height]bool{}
			}
			r.able[f][tip-in] = true
		}
	}
}

// able reports whether one instance of an operator, its store and a majority of its endpoints are well.
func (f *firm) able() bool {
	slow, full, away := f.disk.state()
	well := 0
	for _, o := range f.endpoints {
		if o.state() == (illness{}) {
			well++
		}
	}
	return slow == 0 && !full && !away && 2*well > len(f.endpoints) &&
		slices.ContainsFunc(f.crew, func(i *instance) bool { return i.node != nil && i.life.hears() })
}

// away are the reasons of windows that an operator did not take part in.
var away = []coordination.Reason{
	coordination.ReasonNodeDown, coordination.ReasonLateStart, coordination.ReasonChainStalled, coordination.ReasonLeaseNotHeld,
	coordination.ReasonDraining, coordination.ReasonBusy, coordination.ReasonNoQuorum, coordination.ReasonSeedUnavailable,
}

// reader has an operator's store open beside its nodes, as tools do.
func (f *firm) reader() *store.Reader {
	if f.tool == nil {
		r, err := store.OpenReader(context.Background(), "sqlite:"+f.database())
		require.NoError(f.t, err)
		f.tool = r
	}
	return f.tool
}

func (f *firm) database() string { return filepath.Join(f.dir, fmt.Sprintf("op%d.db", f.n)) }

// step looks at the stores in which something was written that never changes, and at those whose backends were asked to sign.
func (r *record) step() {
	for _, f := range r.h.firms {
		asked := false
		for _, e := range f.enclaves {
			asked = e.asked.Swap(false) || asked
		}
		if f.disk.written.Swap(false) || asked {
			r.lookAt(f)
		}
	}
}

// look reads every store.
func (r *record) look() {
	for _, f := range r.h.firms {
		r.lookAt(f)
	}
}

// lookAt reads a store, and compares it with what was found there before and with what its instances were told.
func (r *record) lookAt(f *firm) {
	found := f.facts()
	r.looks++
	r.mu.Lock()
	for _, key := range slices.Sorted(maps.Keys(r.facts[f])) {
		if now, there := found[key]; !there || now != r.facts[f][key] {
			r.wrong("what was recorded stays: operator %d had %s = %q, and now has %q (%v)", f.n, key, r.facts[f][key], now, there)
		}
	}
	r.remembered(f, found)
	r.facts[f] = found
	for at, text := range r.results {
		if at.op == f.op && found[resultKey(at.window, at.wallet)] != text {
			r.wrong("what was recorded stays: operator %d was told that %q is stored of window %d, and finds %q",
				f.n, text, at.window, found[resultKey(at.window, at.wallet)])
		}
	}
	r.mu.Unlock()
}

func resultKey(window chain.Height, wallet chain.WalletID) string {
	return fmt.Sprintf("result %d %v", window, wallet)
}

// facts are what a store has that never changes.
func (f *firm) facts() map[string]string {
	ctx, found := context.Background(), map[string]string{}
	s := f.reader()
	rows, err := s.Windows(ctx, store.WindowFilter{})
	require.NoError(f.t, err)
	for _, row := range rows {
		if row.Missed == nil && !row.Open {
			found[resultKey(row.Block, row.Wallet)] = outcome(row.Reason, row.Proposal)
		}
	}
	accusations, err := s.Faults(ctx, faults.Filter{})
	require.NoError(f.t, err)
	for _, a := range accusations {
		found[fmt.Sprintf("fault %v", a.Key)] = ""
	}
	proofs, err := s.Proofs(ctx, exchange.ProofFilter{})
	require.NoError(f.t, err)
	for _, p := range proofs {
		found[fmt.Sprintf("proof %v %v", p.Kind, p.Slot)] = ""
		f.record.proved(f, p)
	}
	for _, e := range f.enclaves {
		e.protected(f, found)
	}
	if f.plan.generates() {
		f.records(found)
	}
	signed, err := s.Signings(ctx, f.signs.ID(), 1<<40, 100)
	require.NoError(f.t, err)
	for _, g := range signed {
		found[fmt.Sprintf("intent %d", g.Window)] = fmt.Sprintf("%x", g.Digest)
		if len(g.Signed) > 0 {
			found[fmt.Sprintf("signed %d", g.Window)] = fmt.Sprintf("%x", g.Signed)
			f.record.signed(f, g)
		}
	}
	for window := chain.Height(900); window <= f.tip(); window += 900 {
		for _, w := range slices.Concat(f.wallets, f.known()) {
			own, led, err := s.Own(ctx, w.ID(), window)
			require.NoError(f.t, err)
			if led {
				found[fmt.Sprintf("own %d %v", window, w.ID())] = fmt.Sprintf("%x", digestOf(own.Envelope))
			}
			statements, err := s.Statements(ctx, w.ID(), window)
			require.NoError(f.t, err)
			for _, st := range statements {
				found[fmt.Sprintf("statement %d %v %v %x", window, w.ID(), st.Author, st.Digest)] = ""
			}
		}
	}
	return found
}

// protected adds what a backend is bound to. That two backends, of whomever, are bound to different things in one window is a signature for
// two slots in the making.
func (e *enclave) protected(f *firm, found map[string]string) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.vault == nil { // what it remembers is looked at when it is up again
		for key, text := range f.record.facts[f] {
			if strings.HasPrefix(key, "slot "+e.name+" ") {
				found[key] = text
			}
		}
		return
	}
	for _, w := range append(f.known(), f.signs) {
		p, err := e.vault.Protection(context.Background(), w.ID())
		if errors.Is(err, signer.ErrUnknownKey) {
			continue
		}
		require.NoError(f.t, err)
		for _, s := range p.Slots {
			text := fmt.Sprintf("%x", s.Intent)
			found[fmt.Sprintf("slot %s %v %d", e.name, w.ID(), s.Window)] = text
			f.record.bind(subject{w.ID(), s.Window}, text, e.name)
		}
	}
}

// signed notes a signature that an operator has.
func (r *record) signed(f *firm, g signing.Signing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first, ok := r.finals[g.Window]; ok && first != g.Digest {
		r.wrong("one signature: operator %d has one of intent %v in window %d, and another operator one of %v", f.n, g.Digest, g.Window, first)
	}
	r.finals[g.Window] = g.Digest
	if g.Intent.Transaction != nil {
		r.paid[g.Window] = g.Signed
	}
}

// bind notes what a backend is bound to in a window of the wallet that signs. Where operators were shown different main UTXOs, what they sign of
// one proposal differs, and no two of them sign together.
func (r *record) bind(at subject, intent, backend string) {
	if r.h.plan.misled(at.window) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	first, ok := r.bound[at]
	if !ok {
		r.bound[at] = intent
	} else if first != intent {
		r.wrong("one signature: %s is bound to %s in window %d, and another backend to %s", backend, intent, at.window, first)
	}
}

// ended checks a window that is over.
func (r *record) ended(window chain.Height, calm bool) {
	r.look()
	agreed := map[chain.WalletID]string{}
	for _, f := range r.h.firms {
		s := f.reader()
		rows, err := s.Windows(context.Background(), store.WindowFilter{From: window, To: window})
		require.NoError(r.h.t, err)
		for _, w := range slices.Concat(r.h.wallets, r.h.newcomers(window)) {
			if !w.Holds(f.op) {
				continue
			}
			at := slices.IndexFunc(rows, func(row store.WindowRow) bool { return row.Missed == nil && row.Wallet == w.ID() })
			text, row := "nothing", store.WindowRow{}
			if at >= 0 {
				row = rows[at]
				text = fmt.Sprintf("%q (%s)", row.Reason, row.Detail)
			}
			absent := slices.Contains(away, row.Reason) && (calm || r.spoken(f, w, window))
			if (at < 0 || row.Open || absent) && (r.able[f][window] || calm) {
				r.fault("no window lost: operator %d has %s of wallet %v, window %d, though it was able to take part", f.n, text, w.ID(), window)
			}
			if !calm {
				continue
			}
			if row.Reason != coordination.ReasonOK && row.Reason != coordination.ReasonNoop || row.Faults > 0 {
				r.fault("after the weather: operator %d has %s and %d faults of wallet %v, window %d", f.n, text, row.Faults, w.ID(), window)
			}
			if row.Leader != r.h.leader(w, window) {
				r.fault("after the weather: operator %d takes %v for the leader of wallet %v", f.n, row.Leader, w.ID())
			}
			said := outcome(row.Reason, row.Proposal)
			if other, ok := agreed[w.ID()]; ok && other != said {
				r.fault("after the weather: operator %d agreed on %s of wallet %v, another one on %s", f.n, said, w.ID(), other)
			}
			agreed[w.ID()] = said
			if w.ID() == r.h.signs.ID() && r.facts[f][fmt.Sprintf("signed %d", window)] == "" {
				r.fault("after the weather: operator %d has no signature of window %d: %s %s", f.n, window, text, row.Outcome)
			}
		}
	}
}

// spoken reports whether an operator leads a window, or heard its leader in time. To who heard nothing a leader was idle, and that he does not say
// whose view was impaired at any time of the active phase: then his result is by what it was impaired.
func (r *record) spoken(f *firm, w chain.Wallet, window chain.Height) bool {
	leader := r.h.leader(w, window)
	r.mu.Lock()
	defer r.mu.Unlock()
	return leader == f.op || slices.ContainsFunc(f.crew, func(i *instance) bool {
		at, heard := r.heard[hearsay{i, slot{leader, w.ID(), window}}]
		return heard && at < window+80
	})
}

// Bounds of what a house takes, for each instance that is up.
const (
	mostGoroutines = 250
	mostMemory     = 48 << 20
)

// bounded checks what the process takes while all instances rest.
func (r *record) bounded() {
	n := len(r.h.all())
	if got := runtime.NumGoroutine(); got > mostGoroutines*n {
		r.fault("bounded: %d goroutines of %d instances", got, n)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > uint64(mostMemory*n) { //nolint:gosec // positive
		r.fault("bounded: %d MiB of memory in use by %d instances", m.HeapAlloc>>20, n)
	}
}
