package ethereum

import "github.com/walletnode/walletnode/chain"

const (
	// maxFill is how many headers are fetched to link a new head to the last delivered one: 256 blocks, 51 minutes
	// of Ethereum. Of a bigger gap only the newest 256 are fetched: windows are told from any one height of
	// theirs, and those further back are over.
	maxFill = 256
	// maxFillGap is the gap up to which anything is fetched at all, in blocks. The clock follows a jump of more
	// than 10 000 only when a second observation confirms it (rule R1); the parents of an absurd head would be
	// taken for that confirmation, though they come from the same mouth.
	maxFillGap = 10_000
)

// trail remembers the headers delivered last, by height, so that gaps and reorganisations are seen. The zero
// value has delivered nothing.
type trail struct {
	hashes map[chain.Height]chain.Hash
	head   chain.Height
}

// has reports whether the header was delivered and still stands.
func (t *trail) has(h chain.Header) bool {
	hash, ok := t.hashes[h.Height]
	return ok && hash == h.Hash
}

// joins reports whether nothing is missing below the header: its parent was delivered, or there is nothing to
// link it to (the first header, the genesis block, and heights older than what is remembered).
func (t *trail) joins(h chain.Header) bool {
	if len(t.hashes) == 0 || h.Height == 0 {
		return true
	}
	hash, ok := t.hashes[h.Height-1]
	if ok {
		return hash == h.Parent
	}
	return h.Height <= t.head // below the oldest remembered header
}

// distant reports whether the header is too far ahead to be filled up to.
func (t *trail) distant(h chain.Header) bool {
	return len(t.hashes) > 0 && h.Height > t.head+maxFillGap
}

// add records a delivered header as the head. Heights above it belong to a branch that was left.
func (t *trail) add(h chain.Header) {
	if t.hashes == nil {
		t.hashes = make(map[chain.Height]chain.Hash, maxFill+1)
	}
	for height := range t.hashes {
		if height >= h.Height || height+maxFill < h.Height {
			delete(t.hashes, height)
		}
	}
	t.hashes[h.Height], t.head = h.Hash, h.Height
}
