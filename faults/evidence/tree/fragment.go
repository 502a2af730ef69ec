package tree

import (
	"errors"
	"fmt"
)

// ErrFragment says that bytes are no fragment of a tree, or not of the one they were asked from.
var ErrFragment = errors.New("no fragment of that tree")

// Width is how many nodes a fragment ends in at most, and so its size: 32 bytes for each.
const Width = 16

// maxMarks bounds the nodes of a fragment, inner ones included: Width nodes as deep as they can lie.
const maxMarks = 2 * Width * (maxDepth + 1)

// MaxFragment is the most bytes of an encoded fragment.
const MaxFragment = 2 + maxMarks/4 + Width*len(Empty)

// Nodes of a fragment, in the order root, left, right.
const (
	markEmpty = iota
	markLeaf  // its hash follows
	markPart  // more than one leaf; its hash follows
	markInner // the two nodes below it follow
)

// Node is where a fragment ends.
type Node struct {
	Prefix Prefix
	Hash   Hash
	Leaf   bool // one leaf; else several lie below it
}

// Fragment is the top of a part of a tree.
type Fragment struct {
	marks  []byte // each one of the constants above
	hashes []Hash
}

// Expand returns the top of the part that a prefix names: as many levels as end in at most Width nodes, so a small part
// to its leaves.
func (t Tree) Expand(p Prefix) Fragment {
	leaves := t.under(p)
	depth := int(p.Bits)
	level := depth
	for limit := deepest(leaves); level < limit && ends(leaves, depth, level+1) <= Width; {
		level++
	}
	var f Fragment
	f.write(leaves, depth, level)
	return f
}

// deepest bounds the levels that parting sorted leaves can take: two neighbours part where their names do.
func deepest(leaves []Leaf) int {
	most := 0
	for i := 1; i < len(leaves); i++ {
		shared := 0
		for shared < maxDepth && bit(leaves[i-1].Name, shared) == bit(leaves[i].Name, shared) {
			shared++
		}
		most = max(most, shared+1)
	}
	return most
}

// ends counts the nodes that are not empty if the part from depth on is opened down to level.
func ends(leaves []Leaf, depth, level int) int {
	if len(leaves) <= 1 || depth == level {
		return min(len(leaves), 1)
	}
	left, right := split(leaves, depth)
	return ends(left, depth+1, level) + ends(right, depth+1, level)
}

func (f *Fragment) write(leaves []Leaf, depth, level int) {
	switch {
	case len(leaves) == 0:
		f.marks = append(f.marks, markEmpty)
	case len(leaves) == 1:
		f.marks = append(f.marks, markLeaf)
		f.hashes = append(f.hashes, leaves[0].Hash)
	case depth == level:
		f.marks = append(f.marks, markPart)
		f.hashes = append(f.hashes, root(leaves, depth))
	default:
		left, right := split(leaves, depth)
		f.marks = append(f.marks, markInner)
		f.write(left, depth+1, level)
		f.write(right, depth+1, level)
	}
}

// Ends checks that a fragment is the top of the part of that hash, and returns the nodes it ends in, in ascending order.
// Since it is checked against a hash that is known, a walk down is one path to the root, however many answers it took.
func (f Fragment) Ends(p Prefix, want Hash) ([]Node, error) {
	if len(f.marks) == 1 && f.marks[0] == markPart {
		return nil, fmt.Errorf("%w: it opens nothing", ErrFragment)
	}
	r := reader{f: f}
	top, err := r.read(p)
	switch {
	case err != nil:
		return nil, err
	case len(r.f.marks) != 0 || len(r.f.hashes) != 0:
		return nil, fmt.Errorf("%w: something follows it", ErrFragment)
	case top != want:
		return nil, fmt.Errorf("%w: its hash is another", ErrFragment)
	}
	return r.ends, nil
}

type reader struct {
	f    Fragment
	ends []Node
}

// read takes one node with all below it and returns its hash.
func (r *reader) read(p Prefix) (Hash, error) {
	if len(r.f.marks) == 0 {
		return Empty, fmt.Errorf("%w: cut off", ErrFragment)
	}
	mark := r.f.marks[0]
	r.f.marks = r.f.marks[1:]
	switch {
	case mark == markEmpty:
		return Empty, nil
	case mark != markInner:
		if len(r.f.hashes) == 0 {
			return Empty, fmt.Errorf("%w: cut off", ErrFragment)
		}
		hash := r.f.hashes[0]
		r.f.hashes = r.f.hashes[1:]
		if mark == markPart && int(p.Bits) == maxDepth {
			return Empty, fmt.Errorf("%w: several leaves have one name", ErrFragment)
		}
		r.ends = append(r.ends, Node{p, hash, mark == markLeaf})
		return hash, nil
	case int(p.Bits) == maxDepth:
		return Empty, fmt.Errorf("%w: it is deeper than a name has bits", ErrFragment)
	}
	before := len(r.ends)
	left, err := r.read(p.child(false))
	if err != nil {
		return Empty, err
	}
	right, err := r.read(p.child(true))
	if err != nil {
		return Empty, err
	}
	// One leaf or none is no inner node: a tree has one shape.
	if n := len(r.ends) - before; n == 0 || n == 1 && r.ends[before].Leaf {
		return Empty, fmt.Errorf("%w: a part of one leaf is opened", ErrFragment)
	}
	return Join(left, right), nil
}

// Encode writes a fragment: the number of marks in two bytes, the marks with two bits each, the hashes.
func (f Fragment) Encode() []byte {
	n := len(f.marks)
	out := make([]byte, 2+(n+3)/4, 2+(n+3)/4+len(f.hashes)*len(Empty))
	out[0], out[1] = byte(n>>8), byte(n)
	for i, mark := range f.marks {
		out[2+i/4] |= mark << (6 - 2*(i%4))
	}
	for _, hash := range f.hashes {
		out = append(out, hash[:]...)
	}
	return out
}

// DecodeFragment reads what Encode writes, and nothing else.
func DecodeFragment(data []byte) (Fragment, error) {
	if len(data) < 2 || len(data) > MaxFragment {
		return Fragment{}, fmt.Errorf("%w: %d bytes", ErrFragment, len(data))
	}
	n := int(data[0])<<8 | int(data[1])
	head := 2 + (n+3)/4
	if n > maxMarks || len(data) < head || (len(data)-head)%len(Empty) != 0 || (len(data)-head)/len(Empty) > Width {
		return Fragment{}, fmt.Errorf("%w: %d nodes in %d bytes", ErrFragment, n, len(data))
	}
	f := Fragment{marks: make([]byte, n)}
	for i := range f.marks {
		f.marks[i] = data[2+i/4] >> (6 - 2*(i%4)) & 3
	}
	if n%4 != 0 && data[head-1]<<(2*(n%4)) != 0 {
		return Fragment{}, fmt.Errorf("%w: something follows its nodes", ErrFragment)
	}
	for rest := data[head:]; len(rest) > 0; rest = rest[len(Empty):] {
		f.hashes = append(f.hashes, Hash(rest[:len(Empty)]))
	}
	return f, nil
}
