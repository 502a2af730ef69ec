package quorum

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// maxTips is how many newest blocks of one endpoint wait until the agreed chain is higher; the oldest give way. One that
// keeps up has two, and what is far above the agreed chain need not be remembered: its height says enough.
const maxTips = 32

// tips are the newest blocks that one endpoint showed, poll by poll, held against the agreed chain once that has come so
// far. Whoever shows the loser of a race for the tip is honest, so no single one proves anything; but an honest endpoint
// does not lose them all.
type tips struct {
	waiting []chain.Header // each at another height than the one before, in the order shown
	last    chain.Header
	wrong   int // in a row, up to the last that was compared
}

// note takes the newest block of a poll. Of several at one height the last counts: that is what the endpoint settled for.
func (t *tips) note(head chain.Header) {
	if head.Hash == t.last.Hash {
		return
	}
	if n := len(t.waiting); n > 0 && t.waiting[n-1].Height == head.Height {
		t.waiting = t.waiting[:n-1]
	}
	t.last = head
	t.waiting = append(t.waiting, head)
	t.waiting = t.waiting[max(0, len(t.waiting)-maxTips):]
}

// settle compares what is below the ring's head, by which a race is settled. What is below all of the ring is forgotten.
func (t *tips) settle(ring *Ring) {
	top, _ := ring.Head()
	lowest, _ := ring.lowest()
	t.waiting = slices.DeleteFunc(t.waiting, func(tip chain.Header) bool {
		switch {
		case tip.Height >= top.Height:
			return false
		case tip.Height < lowest.Height:
		case ring.has(tip):
			t.wrong = 0
		default:
			t.wrong++
		}
		return true
	})
}
