package feed

import "crypto/sha256"

// emptyRoot is the root of a tree without leaves.
var emptyRoot = Hash(sha256.Sum256([]byte("walletnode/feed/empty/1")))

// Tree collects leaves in order and tells their root (the shape of RFC 6962, section 2.1) without keeping them: at most one hash per
// bit of their number. A leaf is the hash of a value of this package, whose text no inner node begins with. The zero value is empty.
type Tree struct {
	count uint64
	peaks []Hash // roots of the full subtrees, the largest first: one per bit of count that is set
}

// Add appends a leaf.
func (t *Tree) Add(leaf Hash) {
	for n := t.count; n&1 == 1; n >>= 1 {
		last := len(t.peaks) - 1
		leaf = node(t.peaks[last], leaf)
		t.peaks = t.peaks[:last]
	}
	t.peaks = append(t.peaks, leaf)
	t.count++
}

// Clone returns a tree that grows by itself from here.
func (t *Tree) Clone() Tree { return Tree{count: t.count, peaks: append([]Hash(nil), t.peaks...)} }

// Count is the number of leaves.
func (t *Tree) Count() uint64 { return t.count }

// Reset empties the tree.
func (t *Tree) Reset() { t.count, t.peaks = 0, t.peaks[:0] }

// Root is the root of the leaves so far.
func (t *Tree) Root() Hash {
	if t.count == 0 {
		return emptyRoot
	}
	root := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		root = node(t.peaks[i], root)
	}
	return root
}

func node(left, right Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// RootOf is the root of leaves at hand.
func RootOf(leaves []Hash) Hash {
	var t Tree
	for _, leaf := range leaves {
		t.Add(leaf)
	}
	return t.Root()
}

// split is the largest power of two below n, for n > 1: how many leaves the left side has.
func split(n uint64) uint64 {
	half := uint64(1)
	for half<<1 < n {
		half <<= 1
	}
	return half
}

// rootBy follows a path from leaf i of count up, and says whether the path has the length that it must.
func rootBy(leaf Hash, i, count uint64, path []Hash) (Hash, bool) {
	if i >= count || count > 1<<62 {
		return Hash{}, false
	}
	if count == 1 {
		return leaf, len(path) == 0
	}
	if len(path) == 0 {
		return Hash{}, false
	}
	side, below, half := path[len(path)-1], path[:len(path)-1], split(count)
	if i < half {
		root, ok := rootBy(leaf, i, half, below)
		return node(root, side), ok
	}
	root, ok := rootBy(leaf, i-half, count-half, below)
	return node(side, root), ok
}
