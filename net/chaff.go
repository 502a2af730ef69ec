package net

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
)

// What one author may say on a wallet's channel that is no statement for any window of it: what cannot be decoded, is of
// another type, about another wallet, for no window, or too long. An honest author who runs another version makes one
// such envelope a window and instance, and so does one whose heads are far ahead of ours; its copies count once. Time
// gives the budget back, not the height: it may be ours that stands still.
const (
	maxChaff   = 32
	chaffPause = 10 * time.Minute // until one more is allowed
)

// chaff is that of all authors of a wallet's channel: members, so its seats bound it, with 1 KiB each at most. The zero
// value is empty.
type chaff map[chain.Operator]*nuisance

// nuisance is one author's.
type nuisance struct {
	known  [][32]byte // the latest maxChaff
	next   int        // which of them is replaced
	budget *rate.Limiter
}

// flood notes something worthless that an author signed, and reports whether it is too much. What is known already is
// not counted again: the author repeats it in good faith, or somebody else does.
func (c *chaff) flood(author chain.Operator, what [32]byte, now time.Time) bool {
	if *c == nil {
		*c = make(chaff)
	}
	n := (*c)[author]
	if n == nil {
		n = &nuisance{budget: rate.NewLimiter(rate.Every(chaffPause), maxChaff)}
		(*c)[author] = n
	}
	if slices.Contains(n.known, what) {
		return false
	}
	if len(n.known) < maxChaff {
		n.known = append(n.known, what)
	} else {
		n.known[n.next] = what
		n.next = (n.next + 1) % maxChaff
	}
	return !n.budget.AllowN(now, 1)
}

// forget drops whom it would make no difference to: their budget is whole again.
func (c *chaff) forget(now time.Time) {
	maps.DeleteFunc(*c, func(_ chain.Operator, n *nuisance) bool { return n.budget.TokensAt(now) >= maxChaff })
}
