package quorum

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// mostSought is how many headers one poll asks for in the search for a fork's depth: ten halve a full ring down to one
// height, and one more shows the block there if it was known by its child's word alone.
const mostSought = 11

// parting is what an endpoint told of where its chain left the agreed one: headers by number, each recomputed to its hash,
// and not linked to the endpoint's head. The two come closer to each other from poll to poll until they are neighbours.
//
// So it is the endpoint's word, and no more. One that lies can claim any depth, or that its chain left the agreed one
// before all that is remembered. That is a figure about itself: that it forked is what its head and the links below it
// say, and neither votes nor the ring nor what is said of others look here.
type parting struct {
	shared chain.Header // the highest that is agreed; zero for none
	apart  chain.Header // the lowest that is not; zero for none
}

// Trace returns the view with what single headers, asked for by number, tell of where the endpoint's chain left the ring,
// if its newest blocks contradict the ring: some ten requests, where all of a deep fork's headers would take a minute of the
// endpoint's rate. What ctx cuts off goes on with the next view that descends from this one.
func (v *View) Trace(ctx context.Context, e Endpoint, ring *Ring) *View {
	for range mostSought {
		h, wanted := v.seek(ring)
		if !wanted {
			break
		}
		header, err := e.Header(ctx, h)
		if err != nil || header.Height != h {
			break
		}
		v = v.sought(ring, header)
	}
	return v
}

// seek returns the height to ask for next, by number, in the search for where the endpoint's chain left the agreed one.
// False if it did not, as far as its newest blocks show, or if the search has ended. The answer goes to sought.
func (v *View) seek(ring *Ring) (chain.Height, bool) {
	from, to, forked := v.leftBetween(ring)
	if from < to {
		return from + (to-from)/2, true
	}
	return to, forked && v.parting.apart.Height != to
}

// sought returns the view with an answer to seek.
func (v *View) sought(ring *Ring, told chain.Header) *View {
	next := *v
	if ring.has(told) {
		next.parting.shared = told
	} else {
		next.parting.apart = told
	}
	if p := next.parting; p.apart.Height == p.shared.Height+1 && p.shared.Hash != (chain.Hash{}) && !follows(p.shared, p.apart) {
		next.parting = parting{} // the two are of different chains: a balancer's backends, or a lie
	}
	return &next
}

// leftBetween returns the heights among which the lowest block lies that the endpoint's chain has and the ring has not; from
// is the ring's lowest where even that may be it. False if its newest blocks do not contradict the ring.
func (v *View) leftBetween(ring *Ring) (from, to chain.Height, forked bool) {
	if v == nil {
		return 0, 0, false
	}
	low := v.blocks[v.run(0)-1]
	agreed, known := ring.At(low.Height)
	if !known || agreed.Hash == low.Hash {
		return 0, 0, false
	}
	lowest, _ := ring.lowest()
	to = low.Height
	if apart := v.parting.apart; apart.Hash != (chain.Hash{}) && apart.Height < to && !ring.has(apart) {
		to = apart.Height
	}
	from = min(lowest.Height, to) // the ring may have moved above it
	if shared := v.parting.shared; shared.Height < to && ring.has(shared) {
		from = shared.Height + 1
	}
	return from, to, true
}

// parted returns how far below the endpoint's head the highest block is that its chain shares with the ring, by what it
// told; or, if that is below all of the ring, how far at least. Zeros if neither is known.
func (v *View) parted(ring *Ring) (depth, beyond chain.Height) {
	lowest, begun := ring.lowest()
	if !begun {
		return 0, 0
	}
	apart, top := v.parting.apart, v.Head().Height
	if hash, known := v.At(lowest.Height); known && hash != lowest.Hash {
		return 0, top - lowest.Height
	}
	switch {
	case apart.Hash == (chain.Hash{}) || apart.Height > top || ring.has(apart):
		return 0, 0
	case apart.Height <= lowest.Height:
		return 0, top - apart.Height
	}
	if shared, known := ring.At(apart.Height - 1); known && follows(shared, apart) {
		return top - shared.Height, 0
	}
	return 0, 0
}
