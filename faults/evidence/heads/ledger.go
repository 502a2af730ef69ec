// Package heads makes an operator's heads: it holds what the operator heard of each wallet in the last windows, and builds the
// trees whose roots it signs. It signs, sends and stores nothing.
package heads

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// frequency is the distance between windows in blocks.
const frequency chain.Height = 900

// ErrOrder says that a head was to be made of a window that is no later than that of the last one. There is never a second.
var ErrOrder = errors.New("a head of this window, or of a later one, was made")

// row is an entry with its leaf, which is hashed once. It does not change.
type row struct {
	entry evidence.Entry
	leaf  tree.Leaf
}

// Ledger is what one operator heard in the last evidence.Span windows. It is not safe for use by several goroutines, but for Clone,
// Entry and Expect of one that nobody changes any more.
type Ledger struct {
	chain   uint64
	self    chain.Operator
	last    evidence.Head               // zero if none was made
	rows    map[chain.WalletID][]*row   // in the order of their leaves; a slice does not change, but is replaced
	trees   map[chain.WalletID]*windows // of the last head: from them those of the next one, which are nearly the same, are made
	company *company                    // of the last head; nil before the first
}

// NewLedger begins with nothing heard. Last is the head that this operator signed last, as far as anybody here remembers; the
// zero head begins a chain anew.
func NewLedger(chainID uint64, self chain.Operator, last evidence.Head) *Ledger {
	return &Ledger{chain: chainID, self: self, last: last, rows: map[chain.WalletID][]*row{}, trees: map[chain.WalletID]*windows{}}
}

// Clone returns a ledger of the same that can be changed while this one is not.
func (l *Ledger) Clone() *Ledger {
	c := *l
	c.rows, c.trees = maps.Clone(l.rows), maps.Clone(l.trees)
	return &c
}

// Follow has the next head follow one that somebody else made with what is here: a sibling, or the process before this one.
func (l *Ledger) Follow(last evidence.Head) { l.last = last }

// Put takes an entry, or the change of one. What Entry.Check or Entry.Becomes refuses is refused.
func (l *Ledger) Put(e evidence.Entry) error {
	if err := e.Check(); err != nil {
		return err
	}
	rows := l.rows[e.Wallet]
	for i, r := range rows {
		if r.entry.Window != e.Window {
			continue
		}
		if err := r.entry.Becomes(e); err != nil {
			return err
		}
		rows = slices.Clone(rows)
		rows[i] = newRow(e)
		l.rows[e.Wallet] = rows
		return nil
	}
	if len(rows) >= 2*evidence.Span { // heads have not been made for that long; what is old is of no use to any
		rows = without(rows, func(r *row) bool { return r.entry.Window+evidence.Span*frequency <= e.Window })
	}
	l.rows[e.Wallet] = insert(rows, newRow(e))
	return nil
}

func newRow(e evidence.Entry) *row { return &row{e, e.Leaf()} }

// insert returns rows with one more at its place.
func insert(rows []*row, r *row) []*row {
	i, _ := slices.BinarySearchFunc(rows, r, func(a, b *row) int { return bytes.Compare(a.leaf.Name[:], b.leaf.Name[:]) })
	more := make([]*row, 0, len(rows)+1)
	return append(append(append(more, rows[:i]...), r), rows[i:]...)
}

// without returns rows but for some; the same if there are none of those.
func without(rows []*row, gone func(*row) bool) []*row {
	if !slices.ContainsFunc(rows, gone) {
		return rows
	}
	return slices.DeleteFunc(slices.Clone(rows), gone)
}

// Entry returns what was heard of a wallet in a window; false if nothing is on record, not even silence.
func (l *Ledger) Entry(wallet chain.WalletID, window chain.Height) (evidence.Entry, bool) {
	return find(l.rows[wallet], window)
}

func find(rows []*row, window chain.Height) (evidence.Entry, bool) {
	for _, r := range rows {
		if r.entry.Window == window {
			return r.entry, true
		}
	}
	return evidence.Entry{}, false
}

// Close makes what is to be signed of a window, with what was heard of the wallets so far: all in which the operator held a seat in
// the last evidence.Span windows, with their rosters. What is older is dropped. The head counts as signed from here on: who cannot
// store it must skip the window, with a ledger made anew.
func (l *Ledger) Close(window chain.Height, wallets []chain.Wallet) (*Attested, error) {
	if window <= l.last.Window {
		return nil, fmt.Errorf("close window %d: %w", window, ErrOrder)
	}
	h := evidence.Head{Operator: l.self, Chain: l.chain, Window: window, Windows: 1}
	if back := (window - l.last.Window) / frequency; l.last.Window != 0 && back < evidence.Span {
		h.Windows |= l.last.Windows << back
	}
	if h.Windows != 1 {
		h.Previous = l.last.ID()
	}
	for wallet, rows := range l.rows {
		l.rows[wallet] = without(rows, func(r *row) bool { return r.entry.Window+evidence.Span*frequency <= window })
	}
	a := l.attest(h, wallets)
	l.last = a.Head
	return a, nil
}

// Expect returns what another operator's head should come to over the wallets in common with it: what is on record here, of the
// windows that it attests, but for what it is known to attest instead.
func (l *Ledger) Expect(h evidence.Head, common []chain.WalletID, known Known) View {
	rows := make(map[chain.WalletID][]*row, len(common))
	for _, wallet := range common {
		kept := attested(l.rows[wallet], h)
		for _, instead := range known[wallet] {
			if !h.Attests(instead.Window) {
				continue
			}
			kept = without(kept, func(r *row) bool { return r.entry.Window == instead.Window })
			if instead.Attested != nil {
				kept = insert(kept, newRow(*instead.Attested))
			}
		}
		rows[wallet] = kept
	}
	view, _ := newView(rows, l.trees)
	return view
}

// attested keeps the rows of windows that a head attests.
func attested(rows []*row, h evidence.Head) []*row {
	return without(rows, func(r *row) bool { return !h.Attests(r.entry.Window) })
}

// Known is what another operator is known to attest differently, by wallet: differences that were looked at before, and explained.
// Whoever compares often gives them along, so that each is walked down to once.
type Known map[chain.WalletID][]Instead

// Instead is one of them.
type Instead struct {
	Window   chain.Height
	Attested *evidence.Entry // nil if it attests nothing there
}
