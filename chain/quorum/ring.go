package quorum

import (
	"errors"

	"github.com/walletnode/walletnode/chain"
)

// ringSize is how many agreed headers are kept: 1024 blocks, some 3.4 hours of Ethereum, which is a whole window and
// more, so that the seed block of a window that runs is always among them.
const ringSize = 1024

var errNotLinked = errors.New("headers do not link to each other")

// Ring holds the agreed headers: consecutive heights, each the parent of the next. It is immutable: With makes a new one.
// The nil ring is empty.
type Ring struct {
	headers []chain.Header // ascending, linked
}

// With returns the ring with headers on top, which must be ascending, linked and agreed. What stood at their heights or
// above gives way; what stood below stays if they link to it, else it goes: it belongs to a branch that was left, or to
// before a gap. Headers that do not link to each other are an error.
func (r *Ring) With(headers []chain.Header) (*Ring, error) {
	if len(headers) == 0 {
		return r, nil
	}
	for i := 1; i < len(headers); i++ {
		if !follows(headers[i-1], headers[i]) {
			return r, errNotLinked
		}
	}
	var below []chain.Header
	if parent, ok := r.index(headers[0].Height - 1); ok && r.headers[parent].Hash == headers[0].Parent {
		below = r.headers[:parent+1]
	}
	if extra := len(below) + len(headers) - ringSize; extra > 0 {
		below = below[min(extra, len(below)):]
	}
	merged := make([]chain.Header, 0, len(below)+len(headers))
	merged = append(append(merged, below...), headers...)
	return &Ring{headers: merged[max(0, len(merged)-ringSize):]}, nil
}

// follows reports whether a header names another as its parent.
func follows(parent, child chain.Header) bool {
	return child.Height == parent.Height+1 && child.Parent == parent.Hash
}

// At returns the agreed header of a height.
func (r *Ring) At(h chain.Height) (chain.Header, bool) {
	i, ok := r.index(h)
	if !ok {
		return chain.Header{}, false
	}
	return r.headers[i], true
}

// has reports whether a header is agreed.
func (r *Ring) has(h chain.Header) bool {
	agreed, ok := r.At(h.Height)
	return ok && agreed.Hash == h.Hash
}

// Head returns the highest agreed header; false if there is none.
func (r *Ring) Head() (chain.Header, bool) {
	if r == nil || len(r.headers) == 0 {
		return chain.Header{}, false
	}
	return r.headers[len(r.headers)-1], true
}

// lowest returns the lowest agreed header; false if there is none.
func (r *Ring) lowest() (chain.Header, bool) {
	if r == nil || len(r.headers) == 0 {
		return chain.Header{}, false
	}
	return r.headers[0], true
}

func (r *Ring) index(h chain.Height) (int, bool) {
	lowest, ok := r.lowest()
	if !ok || h < lowest.Height || h-lowest.Height >= chain.Height(len(r.headers)) {
		return 0, false
	}
	return int(h - lowest.Height), true //nolint:gosec // below the ring's length
}
