package quorum

import "github.com/walletnode/walletnode/chain"

const (
	// reach is how far below an endpoint's head headers are fetched that link it to what is known.
	reach = 256
	// forkLinks is how far below its head an endpoint that contradicts the ring is asked for headers that link: what could
	// be a reorganisation is understood at once, by whoever was polled. A deeper fork's depth is for Trace.
	forkLinks = 10
	// atLeast is how many hashes of an endpoint are wanted in any case: the head's and the three before it.
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
// known of it below, or to the ring; or, where the endpoint disagrees with the ring, so that they would link to it if
// the endpoint left it a few blocks ago. What is fetched goes to With as more, which may leave something missing again.
// False if nothing is.
func (v *View) Missing(ring *Ring) (from, to chain.Height, ok bool) {
	if v == nil {
		return 0, 0, false
	}
	run := v.run(0)
	head, low := v.Head().Height, v.blocks[run-1]
	deepest := under(head, reach)
	if low.Height <= deepest {
		return 0, 0, false // deep enough, or at the first block
	}
	from, ok = v.unlinked(ring, low, deepest)
	if run < atLeast {
		// Also where the ring is met: what is agreed already is not what this endpoint votes for.
		enough := head - min(head, atLeast-2)
		if !ok || enough < from {
			from, ok = enough, true
		}
	}
	from = max(from, deepest, low.Height-min(low.Height, MaxBatch-1))
	if run < len(v.blocks) {
		from = max(from, v.blocks[run].Height+1) // its child should name it, whatever the ring has
	}
	return from, low.Height, ok
}

// unlinked returns how far down headers are wanted below the head's run, and whether they are.
func (v *View) unlinked(ring *Ring, low block, deepest chain.Height) (chain.Height, bool) {
	top, agreed := ring.Head()
	lowest, _ := ring.lowest()
	switch {
	case !agreed:
		return deepest, v.run(0) < len(v.blocks)
	case low.Height > top.Height:
		return top.Height + 1, true
	case low.Height < lowest.Height:
		return 0, false
	}
	same, _ := ring.At(low.Height)
	from := under(v.Head().Height, forkLinks)
	return from, same.Hash != low.Hash && from <= low.Height
}
