package heads

import (
	"cmp"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

// Verdict is what another operator's head is beside those heard of it before.
type Verdict string

// The verdicts. Only Guilty proves anything.
const (
	// Fresh: it continues the chain, or is the first one heard.
	Fresh Verdict = "fresh"
	// Repeated: the same was heard before.
	Repeated Verdict = "repeated"
	// Guilty: with one heard before it proves a misdeed.
	Guilty Verdict = "guilty"
	// Suspect: it passes over a head that the operator signed, or begins a chain anew. That is what a loss of data looks like.
	Suspect Verdict = "suspect"
	// Useless: it is too old, of a window that has not passed, of another chain or of nobody here, or nothing new is proved by it.
	Useless Verdict = "useless"
)

// Watch holds the heads of other operators that were heard, those of evidence.Span windows, and says of each new one what it shows. Of one
// operator and window it keeps one, and the second one is in the proof; further ones are dropped. It is not safe for use by several goroutines.
type Watch struct {
	chain uint64
	heard map[chain.Operator][]evidence.Head // ascending by window; of each window one
	bad   map[chain.Operator][]chain.Height  // windows of which something was proved
}

// NewWatch begins with nothing heard.
func NewWatch(chainID uint64) *Watch {
	return &Watch{chainID, map[chain.Operator][]evidence.Head{}, map[chain.Operator][]chain.Height{}}
}

// Take takes a head; member says whether its operator shares a wallet with us, and now is the current height: no window after it has
// passed. The proof is that of Guilty.
func (w *Watch) Take(h evidence.Head, member bool, now chain.Height) (Verdict, evidence.Proof) {
	if h.Chain != w.chain || !member || h.Window > now || h.Window+evidence.Span*frequency <= now {
		return Useless, evidence.Proof{}
	}
	w.forget(h.Operator, now)
	known := w.heard[h.Operator]
	at, twice := slices.BinarySearchFunc(known, h.Window, func(other evidence.Head, window chain.Height) int { return cmp.Compare(other.Window, window) })
	if twice && known[at].ID() == h.ID() {
		return Repeated, evidence.Proof{}
	}
	verdict, proof := judge(known, h)
	if verdict == Guilty {
		window := proof.Slot().Window
		if slices.Contains(w.bad[h.Operator], window) {
			return Useless, evidence.Proof{}
		}
		w.bad[h.Operator] = append(w.bad[h.Operator], window)
	}
	if !twice {
		w.heard[h.Operator] = slices.Insert(known, at, h)
	}
	return verdict, proof
}

// judge compares a head with those heard of the same operator, which are of different windows.
func judge(known []evidence.Head, h evidence.Head) (Verdict, evidence.Proof) {
	verdict := Fresh
	for _, other := range known {
		if other.Window == h.Window {
			if p, err := evidence.ProveTwoHeads(other, h); err == nil {
				return Guilty, p
			}
		}
		earlier, later := other, h
		if other.Window > h.Window {
			earlier, later = h, other
		}
		switch evidence.LinkOf(earlier, later) {
		case evidence.Forked:
			if p, err := evidence.ProveFork(earlier, later); err == nil {
				return Guilty, p
			}
		case evidence.Skipped, evidence.Anew:
			verdict = Suspect
		}
	}
	return verdict, evidence.Proof{}
}

// forget drops what is too old.
func (w *Watch) forget(operator chain.Operator, now chain.Height) {
	old := func(window chain.Height) bool { return window+evidence.Span*frequency <= now }
	w.heard[operator] = slices.DeleteFunc(w.heard[operator], func(h evidence.Head) bool { return old(h.Window) })
	w.bad[operator] = slices.DeleteFunc(w.bad[operator], old)
}

// Of returns the head heard of an operator and window; false if none was.
func (w *Watch) Of(operator chain.Operator, window chain.Height) (evidence.Head, bool) {
	i := slices.IndexFunc(w.heard[operator], func(h evidence.Head) bool { return h.Window == window })
	if i < 0 {
		return evidence.Head{}, false
	}
	return w.heard[operator][i], true
}
