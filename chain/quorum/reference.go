package quorum

import "github.com/walletnode/walletnode/chain"

// reference is the chain that endpoints are compared with: the hashes of consecutive heights, down from its top.
type reference struct {
	top    chain.Height
	hashes []chain.Hash // of top, top-1, ...
	ring   *Ring        // continues them; nil if it does not, or if there is none
}

// agreedChain is the agreed head with its ancestors. Each block of a run is named by the one above it, so that any view
// that holds an agreed block tells the true ancestors, a liar's too. Where they meet the ring, it continues them.
func agreedChain(agreed chain.Header, rows []Row, ring *Ring) reference {
	r := reference{top: agreed.Height, hashes: []chain.Hash{agreed.Hash}}
	if agreed.Height == 0 {
		return r
	}
	r.hashes = append(r.hashes, agreed.Parent)
	for {
		low, hash := r.lowest(), r.hashes[len(r.hashes)-1]
		if same, ok := ring.At(low); ok && same.Hash == hash {
			r.ring = ring
			return r
		}
		parent, ok := parentOf(low, hash, rows)
		if !ok {
			return r
		}
		r.hashes = append(r.hashes, parent)
	}
}

// parentOf returns the parent of a block that any view has seen whole.
func parentOf(h chain.Height, hash chain.Hash, rows []Row) (chain.Hash, bool) {
	for _, row := range rows {
		if b, ok := row.View.block(h); ok && b.whole && b.Hash == hash && h > 0 {
			return b.Parent, true
		}
	}
	return chain.Hash{}, false
}

// ringChain is what was agreed before; false if nothing was.
func ringChain(ring *Ring) (reference, bool) {
	top, ok := ring.Head()
	return reference{top: top.Height, ring: ring}, ok
}

// lowest is the lowest height of the hashes.
func (r reference) lowest() chain.Height { return r.top - chain.Height(len(r.hashes)-1) }

func (r reference) at(h chain.Height) (chain.Hash, bool) {
	if h > r.top {
		return chain.Hash{}, false
	}
	if i := r.top - h; i < chain.Height(len(r.hashes)) {
		return r.hashes[i], true
	}
	header, ok := r.ring.At(h)
	return header.Hash, ok
}

// place is where an endpoint's chain is beside the reference.
type place struct {
	met    bool         // they share a block, by links from the endpoint's head
	forked bool         // they differ, by more than a race for the tip
	depth  chain.Height // how far below the endpoint's head the highest block is that they share, by links or by its word; 0 if none is known
	beyond chain.Height // how far at least, if it is below all that is remembered; 0 if depth is known, or neither
	broken bool         // what it shows below is of another chain than its own head
}

// mayBeReorg reports whether a fork is no deeper, as far as is known, than a chain may reorganise itself. Then an endpoint that
// hears of the new branch before or after the majority shows what a forked one does, until the others have it too.
func (p place) mayBeReorg() bool { return p.beyond == 0 && p.depth <= forkLinks+1 }

// compare finds where a view is beside the reference.
//
// Two endpoints that are both right may show different blocks at the tip, each the child of the same parent, until the
// next block settles it; and one of them may have seen that next block, on either side. So blocks that differ mean a
// fork only if each side has at least one more block on top of its own.
func (r reference) compare(v *View) place {
	p := r.compareRun(v.blocks[:v.run(0)])
	for i := v.run(0); i < len(v.blocks); i += v.run(i) {
		below := r.compareRun(v.blocks[i : i+v.run(i)])
		if p.met {
			p.broken = p.broken || below.forked
		} else {
			p.forked = p.forked || below.forked
		}
	}
	if p.forked && !p.met {
		p.depth, p.beyond = v.parted(r.ring)
	}
	return p
}

func (r reference) compareRun(run []block) (p place) {
	top := run[0].Height
	for _, b := range run {
		hash, known := r.at(b.Height)
		if !known {
			continue
		}
		if hash == b.Hash {
			p.met, p.depth = true, top-b.Height
			return p // so are all below
		}
		p.forked = p.forked || b.Height < min(top, r.top)
	}
	return p
}
