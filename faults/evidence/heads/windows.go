package heads

import (
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// windows is a wallet's tree of windows with its inner nodes, so that the next one, of which one leaf is another, takes six hashes
// instead of 63. It has the root of tree.Ordered of the same leaves. It does not change.
type windows struct {
	slots [evidence.Span]*row // by the window's number modulo evidence.Span, which is the leaf's name
	nodes [evidence.Span]node // 1 is the root, below i are 2i and 2i+1, and below the last ones the slots; 0 is none
}

// node is a part of the tree: what it hashes to, and how many leaves it holds, 2 for more than one.
type node struct {
	hash  tree.Hash
	holds uint8
}

// of makes the tree of some rows, each of another window of a span, from this one, which may be nil. It is this one if the rows are the same.
func (w *windows) of(rows []*row) *windows {
	var slots [evidence.Span]*row
	for _, r := range rows {
		slots[r.leaf.Name[0]>>2] = r // six bits, as evidence.Entry.Leaf names it
	}
	next := new(windows)
	switch {
	case w == nil:
	case w.slots == slots:
		return w
	default:
		*next = *w
	}
	var stale [evidence.Span]bool
	for i, r := range slots {
		if r != next.slots[i] {
			stale[(evidence.Span+i)/2] = true
		}
	}
	next.slots = slots
	for i := evidence.Span - 1; i > 0; i-- {
		if stale[i] {
			next.nodes[i] = join(next.at(2*i), next.at(2*i+1))
			stale[i/2] = true
		}
	}
	return next
}

// at is the node with a number; those from evidence.Span on are the slots.
func (w *windows) at(i int) node {
	if i < evidence.Span {
		return w.nodes[i]
	}
	if r := w.slots[i-evidence.Span]; r != nil {
		return node{r.leaf.Hash, 1}
	}
	return node{}
}

// join is the node above two: of one leaf it is that leaf, as in a tree.Tree.
func join(left, right node) node {
	switch {
	case left.holds+right.holds > 1:
		return node{tree.Join(left.hash, right.hash), 2}
	case left.holds == 1:
		return left
	}
	return right
}

func (w *windows) root() tree.Hash { return w.nodes[1].hash }
