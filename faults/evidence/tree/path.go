package tree

import (
	"errors"
	"fmt"
)

// ErrPath says that bytes are no path, or none that leads anywhere.
var ErrPath = errors.New("no path in a tree")

// MaxPath is the most bytes of an encoded path: one hash for each bit of a name.
const MaxPath = 1 + maxDepth/8 + maxDepth*len(Empty)

// Path shows that a leaf is below a root: the hashes beside the way down to it, Empty ones included, from the root on.
type Path []Hash

// Path returns the way to a name; false if the tree does not have it.
func (t Tree) Path(name Name) (Path, bool) {
	var path Path
	leaves := t.leaves
	for depth := 0; len(leaves) > 1; depth++ {
		left, right := split(leaves, depth)
		if bit(name, depth) == 1 {
			left, right = right, left
		}
		path = append(path, root(right, depth+1))
		leaves = left
	}
	return path, len(leaves) == 1 && leaves[0].Name == name
}

// Root returns the root that a path leads to from a value.
func (p Path) Root(name Name, value Hash) Hash {
	node := LeafHash(name, value)
	for depth := len(p) - 1; depth >= 0; depth-- {
		if bit(name, depth) == 1 {
			node = Join(p[depth], node)
		} else {
			node = Join(node, p[depth])
		}
	}
	return node
}

// Leaves is the least number of leaves of a tree that has this path.
func (p Path) Leaves() int {
	n := 1
	for _, beside := range p {
		if beside != Empty {
			n++
		}
	}
	return n
}

// Encode writes a path's one form: its depth, a bit for each hash that is not Empty, most significant first, and those
// hashes.
func (p Path) Encode() []byte {
	out := make([]byte, 1+(len(p)+7)/8, 1+(len(p)+7)/8+len(p)*len(Empty))
	out[0] = byte(len(p))
	for depth, beside := range p {
		if beside != Empty {
			out[1+depth/8] |= 1 << (7 - depth%8)
			out = append(out, beside[:]...)
		}
	}
	return out
}

// DecodePath reads what Encode writes, and nothing else. The last hash is never Empty, since a leaf alone lies higher up.
func DecodePath(data []byte) (Path, error) {
	if len(data) == 0 || int(data[0]) > maxDepth {
		return nil, fmt.Errorf("%w: its depth is missing, or more than %d", ErrPath, maxDepth)
	}
	depth := int(data[0])
	head := 1 + (depth+7)/8
	if len(data) < head {
		return nil, fmt.Errorf("%w: cut off", ErrPath)
	}
	mask, rest := data[1:head], data[head:]
	path := make(Path, depth)
	for i := range path {
		if mask[i/8]>>(7-i%8)&1 == 0 {
			continue
		}
		if len(rest) < len(Empty) {
			return nil, fmt.Errorf("%w: cut off", ErrPath)
		}
		path[i], rest = Hash(rest[:len(Empty)]), rest[len(Empty):]
		if path[i] == Empty {
			return nil, fmt.Errorf("%w: an empty hash is written out", ErrPath)
		}
	}
	if depth%8 != 0 && mask[depth/8]<<(depth%8) != 0 || len(rest) != 0 {
		return nil, fmt.Errorf("%w: something follows it", ErrPath)
	}
	if depth > 0 && path[depth-1] == Empty {
		return nil, fmt.Errorf("%w: it ends beside nothing", ErrPath)
	}
	return path, nil
}
