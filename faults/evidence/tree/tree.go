// Package tree is a hash tree over named values whose shape depends on the names alone: whoever holds the same values
// under the same names has the same root, in whatever order they came, and a name that only one side has leaves the rest
// of the tree alone. It shows that a value is below a root (Path), and lets another side walk down to where two trees
// differ (Fragment). It is a pure function of bytes and knows nothing of what is stored.
//
// A tree is binary: the name's bits lead from the root down, most significant first. A part of the tree that holds one
// value is that leaf's hash, however deep it lies; one that holds none is empty, 32 zero bytes.
package tree

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// Name is what a value is stored under: a wallet, an operator, or a number in its first bits.
type Name [20]byte

// Hash is a SHA-256 hash, or Empty.
type Hash [32]byte

// Empty is the hash of a part of the tree that holds nothing.
var Empty Hash

// maxDepth is the number of bits of a name, and so the depth of the deepest leaf.
const maxDepth = 8 * len(Name{})

// What is hashed begins with one of these, so that no leaf is an inner node.
const (
	leafMark  = 0
	innerMark = 1
)

// Leaf is one value's place in a tree.
type Leaf struct {
	Name Name
	Hash Hash // LeafHash of the name and the value
}

// NewLeaf makes the leaf of a value.
func NewLeaf(name Name, value Hash) Leaf { return Leaf{name, LeafHash(name, value)} }

// LeafHash is the hash of a leaf: it binds the value to its name.
func LeafHash(name Name, value Hash) Hash {
	var buf [1 + len(name) + len(value)]byte
	buf[0] = leafMark
	copy(buf[1:], name[:])
	copy(buf[1+len(name):], value[:])
	return sha256.Sum256(buf[:])
}

// Join is the hash of an inner node.
func Join(left, right Hash) Hash {
	var buf [1 + 2*len(left)]byte
	buf[0] = innerMark
	copy(buf[1:], left[:])
	copy(buf[1+len(left):], right[:])
	return sha256.Sum256(buf[:])
}

// Tree is a set of leaves. New makes one; the zero value is the empty tree.
type Tree struct{ leaves []Leaf }

// New makes a tree. Of two leaves with one name the later counts. The slice is not kept.
func New(leaves []Leaf) Tree {
	sorted := slices.Clone(leaves)
	byName := func(a, b Leaf) int { return bytes.Compare(a.Name[:], b.Name[:]) }
	if !slices.IsSortedFunc(sorted, byName) {
		slices.SortStableFunc(sorted, byName)
	}
	kept := sorted[:0]
	for _, leaf := range sorted {
		if n := len(kept); n > 0 && kept[n-1].Name == leaf.Name {
			kept[n-1] = leaf
			continue
		}
		kept = append(kept, leaf)
	}
	return Tree{kept}
}

// Ordered makes a tree of leaves whose names ascend, and keeps the slice.
func Ordered(leaves []Leaf) Tree { return Tree{leaves} }

// Size returns the number of leaves.
func (t Tree) Size() int { return len(t.leaves) }

// Names returns the names in ascending order.
func (t Tree) Names() []Name {
	names := make([]Name, len(t.leaves))
	for i, leaf := range t.leaves {
		names[i] = leaf.Name
	}
	return names
}

// Some returns the tree of some leaves, which are given by their places in ascending order.
func (t Tree) Some(places []int) Tree {
	leaves := make([]Leaf, len(places))
	for i, at := range places {
		leaves[i] = t.leaves[at]
	}
	return Tree{leaves}
}

// Root returns the hash over all leaves, Empty if there is none.
func (t Tree) Root() Hash { return root(t.leaves, 0) }

// root hashes sorted leaves whose names agree in their first depth bits.
func root(leaves []Leaf, depth int) Hash {
	switch len(leaves) {
	case 0:
		return Empty
	case 1:
		return leaves[0].Hash
	}
	left, right := split(leaves, depth)
	return Join(root(left, depth+1), root(right, depth+1))
}

// split parts sorted leaves by the bit at depth.
func split(leaves []Leaf, depth int) (left, right []Leaf) {
	at, mask := depth/8, byte(1)<<(7-depth%8)
	lo, hi := 0, len(leaves)
	for lo < hi {
		if mid := (lo + hi) / 2; leaves[mid].Name[at]&mask == 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return leaves[:lo], leaves[lo:]
}

func bit(name Name, depth int) int { return int(name[depth/8]>>(7-depth%8)) & 1 }

// Prefix names a part of a tree: the first Bits bits of Name; the others are 0.
type Prefix struct {
	Name Name
	Bits uint8
}

// Whole is the prefix of the whole tree.
var Whole Prefix

// Valid reports whether a prefix names a part of some tree, in its one form.
func (p Prefix) Valid() bool { return int(p.Bits) <= maxDepth && p == cut(p.Name, int(p.Bits)) }

// Holds reports whether a name lies below the prefix.
func (p Prefix) Holds(name Name) bool { return cut(name, int(p.Bits)) == p }

// child is the prefix one bit deeper.
func (p Prefix) child(right bool) Prefix {
	if right {
		p.Name[p.Bits/8] |= 1 << (7 - p.Bits%8)
	}
	p.Bits++
	return p
}

// cut keeps the first bits of a name.
func cut(name Name, bits int) Prefix {
	p := Prefix{Bits: uint8(bits)} //nolint:gosec // at most maxDepth
	copy(p.Name[:], name[:(bits+7)/8])
	if odd := bits % 8; odd != 0 {
		p.Name[bits/8] &= 0xff << (8 - odd)
	}
	return p
}

// Under returns the part of the tree that a prefix names, as a tree of its own leaves.
func (t Tree) Under(p Prefix) Tree {
	return Tree{t.under(p)}
}

func (t Tree) under(p Prefix) []Leaf {
	leaves := t.leaves
	for depth := 0; depth < int(p.Bits) && len(leaves) > 0; depth++ {
		left, right := split(leaves, depth)
		leaves = left
		if bit(p.Name, depth) == 1 {
			leaves = right
		}
	}
	return leaves
}

// At returns the hash of the part of the tree that a prefix names.
func (t Tree) At(p Prefix) Hash { return root(t.under(p), int(p.Bits)) }

// Index is a tree with the hashes of its inner nodes, for the roots of many trees that hold some of its leaves: where such a one holds all
// below a node, its hash is the node's. It does not change.
type Index struct {
	leaves []Leaf
	nodes  []inner // the first is the root, and each stands before those below it
}

// inner is a node above at least two leaves.
type inner struct {
	hash        Hash
	size        int
	right       int // the first leaf with the higher bit
	left, below int // its children's places in nodes; of a child that is a leaf or empty none is looked at
}

// Index makes a tree's index.
func (t Tree) Index() *Index {
	x := &Index{leaves: t.leaves}
	x.add(0, len(t.leaves), 0)
	return x
}

// add adds the node above some leaves, and those below it, and returns its hash.
func (x *Index) add(from, to, depth int) Hash {
	switch to - from {
	case 0:
		return Empty
	case 1:
		return x.leaves[from].Hash
	}
	left, _ := split(x.leaves[from:to], depth)
	at, right := len(x.nodes), from+len(left)
	x.nodes = append(x.nodes, inner{size: to - from, right: right, left: at + 1})
	first := x.add(from, right, depth+1)
	x.nodes[at].below = len(x.nodes)
	x.nodes[at].hash = Join(first, x.add(right, to, depth+1))
	return x.nodes[at].hash
}

// Whole returns the root of the tree.
func (x *Index) Whole() Hash {
	switch {
	case len(x.nodes) > 0:
		return x.nodes[0].hash
	case len(x.leaves) > 0:
		return x.leaves[0].Hash
	}
	return Empty
}

// Root returns the root of the tree of some of the leaves, which are given by their places in ascending order.
func (x *Index) Root(places []int) Hash { return x.root(places, 0) }

func (x *Index) root(places []int, at int) Hash {
	switch len(places) {
	case 0:
		return Empty
	case 1:
		return x.leaves[places[0]].Hash
	}
	n := &x.nodes[at]
	if len(places) == n.size {
		return n.hash
	}
	cut, _ := slices.BinarySearch(places, n.right)
	return Join(x.root(places[:cut], n.left), x.root(places[cut:], n.below))
}
