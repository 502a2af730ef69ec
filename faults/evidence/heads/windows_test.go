package heads

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// However a wallet's windows come and go, the tree made from the one before has the root of the tree made anew.
func TestATreeOfWindowsThatIsKeptIsTheOneMadeAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := map[chain.Height]*row{}
		var kept *windows
		first := chain.Height(rapid.IntRange(1, 200).Draw(t, "first"))
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			for range rapid.IntRange(0, 70).Draw(t, "changes") {
				window := (first + chain.Height(rapid.IntRange(0, evidence.Span-1).Draw(t, "window"))) * frequency
				if rapid.Bool().Draw(t, "gone") {
					delete(rows, window)
					continue
				}
				rows[window] = newRow(evidence.Entry{Window: window, Status: evidence.Said, Sender: chain.Operator{1}, Statement: [32]byte{rapid.Byte().Draw(t, "digest")}})
			}
			if rapid.Bool().Draw(t, "move") {
				first++
				maps.DeleteFunc(rows, func(window chain.Height, _ *row) bool { return window < first*frequency })
			}
			list := slices.SortedFunc(maps.Values(rows), func(a, b *row) int { return bytes.Compare(a.leaf.Name[:], b.leaf.Name[:]) })
			var leaves []tree.Leaf
			for _, r := range list {
				leaves = append(leaves, r.leaf)
			}
			before := kept
			kept = kept.of(list)
			require.Equal(t, tree.Ordered(leaves).Root(), kept.root())
			require.Same(t, kept, kept.of(list), "the same rows are the same tree")
			if before != nil {
				copied := *before
				before.of(list)
				require.Equal(t, copied, *before, "a tree does not change")
			}
		}
	})
}
