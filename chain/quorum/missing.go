package quorum

import "github.com/walletnode/walletnode/chain"

const (
	// forkSearch is how far below an endpoint's head it is looked for where its chain left the agreed one.
	forkSearch = 256
	// atLeast is how many hashes of an endpoint are wanted where nothing is agreed yet: the head's and the three before.
	atLeast = 4
)

// Ask is what the next poll asks for: the three headers that end in the endpoint's last head. If the chain moved by one
// block since, they and the newest header link, and the hashes of the three blocks before the head are known. A view of
// nothing asks for nothing.
func (v *View) Ask() Ask {
	if v == nil {
		return Ask{}
	}
	head := v.Head().Height
	return Ask{From: head - min(head, 2), To: head}
}

// Missing returns the heights to fetch next, at most MaxBatch, so that the newest blocks of the endpoint link to what is
// known of it below, or to the ring; or, where the endpoint disagrees with the ring, so that the fork's depth becomes
// known. What is fetched goes to With as more, which may leave something missing again. False if nothing is.
func (v *View) Missing(ring *Ring) (from, to chain.Height, ok bool) {
	if v == nil {
		return 0, 0, false
	}
	run := v.run(0)
	head, low := v.Head(), v.blocks[run-1]
	deepest := head.Height - min(head.Height, forkSearch)
	if low.whole || low.Height <= deepest {
		return 0, 0, false // at the first block, or deep enough
	}
	floor := max(deepest, low.Height-min(low.Height, MaxBatch-1))
	if run < len(v.blocks) {
		// Where the lower run begins above the ring it is what the fetched headers should name.
		floor = max(floor, v.blocks[run].Height+1)
	}
	top, agreed := ring.Head()
	lowest, _ := ring.Lowest()
	switch {
	case !agreed && run < len(v.blocks):
		return floor, low.Height, true
	case !agreed:
		return max(floor, head.Height-min(head.Height, atLeast-2)), low.Height, run < atLeast
	case low.Height > top.Height:
		return max(floor, top.Height+1), low.Height, true
	case low.Height < lowest.Height:
		return 0, 0, false
	}
	same, _ := ring.At(low.Height)
	return floor, low.Height, same.Hash != low.Hash
}
