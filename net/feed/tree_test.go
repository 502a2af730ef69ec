package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func leaves(n int) []Hash {
	list := make([]Hash, n)
	for i := range list {
		list[i] = sha256.Sum256(binary.BigEndian.AppendUint64([]byte("leaf"), uint64(i)))
	}
	return list
}

// recursive is RFC 6962's definition, word by word.
func recursive(list []Hash) Hash {
	if len(list) == 0 {
		return emptyRoot
	}
	if len(list) == 1 {
		return list[0]
	}
	k := split(uint64(len(list)))
	return node(recursive(list[:k]), recursive(list[k:]))
}

func TestTreesHaveTheRootOfTheirDefinition(t *testing.T) {
	for n := range 70 {
		require.Equal(t, recursive(leaves(n)), RootOf(leaves(n)), "%d leaves", n)
	}
}

func TestPathsLeadToTheRootFromTheirOwnPlaceAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "leaves")
		list := leaves(n)
		i := uint64(rapid.IntRange(0, n-1).Draw(t, "place"))
		path := PathOf(list, i)
		root, ok := rootBy(list[i], i, uint64(n), path)
		require.True(t, ok)
		require.Equal(t, RootOf(list), root)
		require.LessOrEqual(t, len(path), maxPath)

		other := uint64(rapid.IntRange(0, n).Draw(t, "other place"))
		if root, ok := rootBy(list[i], other, uint64(n), path); ok && other != i {
			require.NotEqual(t, RootOf(list), root)
		}
		if len(path) > 0 {
			j := rapid.IntRange(0, len(path)-1).Draw(t, "step")
			changed := slices.Clone(path)
			changed[j][rapid.IntRange(0, 31).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			root, _ := rootBy(list[i], i, uint64(n), changed)
			require.NotEqual(t, RootOf(list), root)
			_, ok := rootBy(list[i], i, uint64(n), path[:len(path)-1])
			require.False(t, ok)
		}
		_, ok = rootBy(list[i], i, uint64(n), append(slices.Clone(path), Hash{}))
		require.False(t, ok)
	})
}

// PathOf returns what leads from leaf i of leaves to their root, the nearest first. It is the definition that Tree and LanePath are held against.
func PathOf(leaves []Hash, i uint64) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	half := split(uint64(len(leaves)))
	if i < half {
		return append(PathOf(leaves[:half], i), RootOf(leaves[half:]))
	}
	return append(PathOf(leaves[half:], i-half), RootOf(leaves[:half]))
}
