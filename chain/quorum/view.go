package quorum

import (
	"cmp"
	"slices"
	"sort"

	"github.com/walletnode/walletnode/chain"
)

// viewSize is how many blocks of an endpoint are kept: as far as its headers are followed down, with the 64 blocks above
// that may follow.
const viewSize = 320

// View is what one endpoint stands by: its newest header and the hashes below it that its headers name, as far as they
// are known. It is immutable.
//
// The blocks form runs. Within a run each block names the next one as its parent, so that a run's first hash settles
// all others, whoever told them. Between runs is a gap, whose heights are unknown.
type View struct {
	blocks []block // the head first, descending; at most viewSize
	// broken is the height of the last sight's header that does not name the one below it as its parent; 0 for none.
	broken chain.Height
	// parting is where its chain left the agreed one, if it did. It holds for what descends from the head it was told of.
	parting parting
}

// block is a header, or only the height and hash that its child names.
type block struct {
	chain.Header
	whole bool // false: the header itself was not seen, so its parent is unknown
}

// With returns the view after one more poll. more is what was fetched beside it, by Missing; it counts as far as the
// sight's headers name it. Blocks known from earlier polls stay as far as what the endpoint shows now descends from
// them; the others belong to a branch that it left. The nil view is that of an endpoint never seen.
func (v *View) With(s Sight, more []chain.Header) *View {
	shown := make(map[chain.Hash]chain.Header, len(more)+len(s.Headers))
	for _, h := range slices.Concat(more, s.Headers) {
		shown[h.Hash] = h
	}
	parent := func(h chain.Header) (chain.Header, bool) {
		if p, ok := shown[h.Parent]; ok && follows(p, h) {
			return p, true
		}
		p, ok := v.Header(h.Height - 1)
		return p, ok && follows(p, h)
	}
	size := min(len(v.all())+len(more)+len(s.Headers)+2, viewSize)
	next := &View{blocks: make([]block, 0, size), broken: nonLinking(s, more)}
	next.descend(s.Head, parent)
	// Headers above the newest are left out: a balancer's other backend is further than the one that told it.
	for _, h := range descending(s.Headers) {
		hash, covered := next.At(h.Height)
		if covered && hash != h.Hash {
			break // of another branch than the head, as is what lies below it
		}
		if h.Height < next.blocks[len(next.blocks)-1].Height {
			next.descend(h, parent)
		}
	}
	before := v.Head()
	if hash, known := next.At(before.Height); v != nil && known && hash == before.Hash {
		next.parting = v.parting
	}
	return next
}

// descend appends a run: a header and its ancestors as far as they are known.
func (v *View) descend(h chain.Header, parent func(chain.Header) (chain.Header, bool)) {
	for len(v.blocks) < viewSize {
		v.blocks = append(v.blocks, block{Header: h, whole: true})
		if h.Height == 0 {
			return
		}
		p, ok := parent(h)
		if !ok {
			break
		}
		h = p
	}
	if len(v.blocks) < viewSize {
		v.blocks = append(v.blocks, block{Header: chain.Header{Height: h.Height - 1, Hash: h.Parent}})
	}
}

// nonLinking returns the height of the highest header that contradicts its neighbour, among those of the poll itself and
// among those fetched beside it.
func nonLinking(s Sight, more []chain.Header) chain.Height {
	upTo := slices.DeleteFunc(slices.Clone(s.Headers), func(h chain.Header) bool { return h.Height > s.Head.Height })
	return max(contradiction(append(upTo, s.Head)), contradiction(more))
}

func contradiction(headers []chain.Header) chain.Height {
	headers = descending(headers)
	for i := 1; i < len(headers); i++ {
		above, below := headers[i-1], headers[i]
		twice := above.Height == below.Height && above.Hash != below.Hash
		if twice || above.Height == below.Height+1 && !follows(below, above) {
			return max(above.Height, 1)
		}
	}
	return 0
}

// descending sorts a copy of headers, which mostly ascend.
func descending(headers []chain.Header) []chain.Header {
	sorted := slices.Clone(headers)
	slices.Reverse(sorted)
	slices.SortStableFunc(sorted, func(a, b chain.Header) int { return cmp.Compare(b.Height, a.Height) })
	return sorted
}

// At returns the hash that the endpoint stands by at a height; false if that is not known.
func (v *View) At(h chain.Height) (chain.Hash, bool) {
	b, ok := v.block(h)
	return b.Hash, ok
}

// Header returns the header that the endpoint stands by at a height; false if it is not known, though its hash may be.
func (v *View) Header(h chain.Height) (chain.Header, bool) {
	b, ok := v.block(h)
	if !ok || !b.whole {
		return chain.Header{}, false
	}
	return b.Header, true
}

// Head returns the endpoint's newest header; the zero header if there is none.
func (v *View) Head() chain.Header {
	if v == nil {
		return chain.Header{}
	}
	return v.blocks[0].Header
}

// nonLinking returns the height of a header of the last poll that does not name the one below it as its parent; false
// if all do. An endpoint that changes branches in the middle of an answer shows that once.
func (v *View) nonLinking() (chain.Height, bool) {
	if v == nil {
		return 0, false
	}
	return v.broken, v.broken > 0
}

// run returns how many blocks the run that begins at index i has.
func (v *View) run(i int) int {
	n := 1
	for ; i+n < len(v.blocks); n++ {
		if above := v.blocks[i+n-1]; !above.whole || above.Height != v.blocks[i+n].Height+1 {
			break
		}
	}
	return n
}

func (v *View) all() []block {
	if v == nil {
		return nil
	}
	return v.blocks
}

func (v *View) block(h chain.Height) (block, bool) {
	blocks := v.all()
	i := sort.Search(len(blocks), func(i int) bool { return blocks[i].Height <= h })
	if i == len(blocks) || blocks[i].Height != h {
		return block{}, false
	}
	return blocks[i], true
}
