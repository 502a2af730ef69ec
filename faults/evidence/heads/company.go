package heads

import (
	"bytes"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// company says which wallets are shared with whom. Of the same wallets it is worked out once: a thousand rosters of a hundred seats are the
// same from window to window. It does not change.
type company struct {
	wallets []chain.Wallet           // of which it was worked out
	names   []tree.Name              // of them, ascending
	shared  map[chain.Operator][]int // by the other operator: the places of those in common with it among names
}

// with is the company of some wallets: this one if they are the same.
func (c *company) with(wallets []chain.Wallet, self chain.Operator) *company {
	if c != nil && slices.EqualFunc(wallets, c.wallets, same) {
		return c
	}
	byName := slices.SortedFunc(slices.Values(wallets), func(a, b chain.Wallet) int {
		x, y := a.ID(), b.ID()
		return bytes.Compare(x[:], y[:])
	})
	byName = slices.CompactFunc(byName, func(a, b chain.Wallet) bool { return a.ID() == b.ID() })
	next := &company{wallets: slices.Clone(wallets), shared: map[chain.Operator][]int{}}
	for i, w := range byName {
		next.names = append(next.names, tree.Name(w.ID()))
		for _, other := range w.Operators() {
			if other != self {
				next.shared[other] = append(next.shared[other], i)
			}
		}
	}
	return next
}

// same reports whether two wallets are one, with the same roster.
func same(a, b chain.Wallet) bool {
	if a.ID() != b.ID() || a.Seats() != b.Seats() {
		return false
	}
	for i := range a.Seats() {
		x, _ := a.At(chain.Seat(i + 1))              //nolint:gosec // at most chain.MaxSeats
		if y, _ := b.At(chain.Seat(i + 1)); x != y { //nolint:gosec // as above
			return false
		}
	}
	return true
}

// among returns for each other operator the places of the wallets in common among some names, which ascend and are all of this company;
// nobody with none.
func (c *company) among(names []tree.Name) map[chain.Operator][]int {
	if len(names) == len(c.names) {
		return c.shared
	}
	place := make([]int, len(c.names)) // by the place here, that among names; -1 for none
	at := 0
	for i, name := range c.names {
		place[i] = -1
		if at < len(names) && names[at] == name {
			place[i] = at
			at++
		}
	}
	shared := make(map[chain.Operator][]int, len(c.shared))
	for other, places := range c.shared {
		var kept []int
		for _, i := range places {
			if place[i] >= 0 {
				kept = append(kept, place[i])
			}
		}
		if len(kept) > 0 {
			shared[other] = kept
		}
	}
	return shared
}
