package tree_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/faults/evidence/tree"
)

// name makes the i-th name; those of near share all but their last bits.
func name(i int, near bool) tree.Name {
	if near {
		return tree.Name{18: byte(i >> 8), 19: byte(i)}
	}
	sum := sha256.Sum256([]byte{byte(i >> 8), byte(i)})
	return tree.Name(sum[:20])
}

func value(i int) tree.Hash { return sha256.Sum256([]byte{7, byte(i >> 8), byte(i)}) }

// drawLeaves draws leaves of distinct names, many of them close to each other.
func drawLeaves(t *rapid.T) []tree.Leaf {
	var leaves []tree.Leaf
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, 300), 0, 60, rapid.ID[int]).Draw(t, "names") {
		leaves = append(leaves, tree.NewLeaf(name(i, i%3 == 0), value(rapid.IntRange(0, 3).Draw(t, "value"))))
	}
	return leaves
}

func TestATreeDependsOnItsLeavesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := drawLeaves(t)
		first := tree.New(leaves)
		require.Equal(t, first, tree.New(rapid.Permutation(leaves).Draw(t, "order")))
		if len(leaves) == 0 {
			require.Equal(t, tree.Empty, first.Root())
			return
		}
		i := rapid.IntRange(0, len(leaves)-1).Draw(t, "changed")
		leaves[i] = tree.NewLeaf(leaves[i].Name, value(9))
		require.NotEqual(t, first.Root(), tree.New(leaves).Root())
		require.Equal(t, len(leaves), tree.New(append(leaves, leaves[0])).Size(), "a name is there once")
	})
}

// The shape is for ever: heads that were signed are checked with it.
func TestTheRootIsPinned(t *testing.T) {
	leaves := []tree.Leaf{tree.NewLeaf(name(1, false), value(1)), tree.NewLeaf(name(1, true), value(2)), tree.NewLeaf(name(2, true), value(3))}
	root := tree.New(leaves).Root()
	require.Equal(t, "7b75d41b855b9df2bc55a7f338170c60928479bfd657ed5ba7d63669ee4a611e", hex.EncodeToString(root[:]))
}

func TestAPathLeadsFromAValueToTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var leaves []tree.Leaf
		ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 300), 1, 60, rapid.ID[int]).Draw(t, "names")
		for _, i := range ids {
			leaves = append(leaves, tree.NewLeaf(name(i, i%3 == 0), value(i)))
		}
		all := tree.New(leaves)
		for _, i := range ids {
			path, ok := all.Path(name(i, i%3 == 0))
			require.True(t, ok)
			decoded, err := tree.DecodePath(path.Encode())
			require.NoError(t, err)
			require.Len(t, decoded, len(path))
			require.Equal(t, all.Root(), decoded.Root(name(i, i%3 == 0), value(i)))
			require.NotEqual(t, all.Root(), decoded.Root(name(i, i%3 == 0), value(i+1)))
			require.LessOrEqual(t, decoded.Leaves(), len(ids))
		}
		_, ok := all.Path(name(1000, true))
		require.False(t, ok)
	})
}

// Walking down fragment by fragment finds exactly the leaves that differ.
func TestAWalkDownEndsWhereTreesDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mine, theirs := tree.New(drawLeaves(t)), tree.New(drawLeaves(t))
		found := map[tree.Name]bool{}
		todo := []tree.Node{{Hash: theirs.Root()}}
		for len(todo) > 0 {
			node := todo[0]
			todo = todo[1:]
			if mine.At(node.Prefix) == node.Hash {
				continue
			}
			if node.Leaf {
				for _, n := range mine.Under(node.Prefix).Names() {
					found[n] = true
				}
				for _, n := range theirs.Under(node.Prefix).Names() {
					found[n] = true
				}
				continue
			}
			f, err := tree.DecodeFragment(theirs.Expand(node.Prefix).Encode())
			require.NoError(t, err)
			ends, err := f.Ends(node.Prefix, node.Hash)
			require.NoError(t, err)
			require.LessOrEqual(t, len(ends), tree.Width)
			todo = append(todo, ends...)
		}
		for _, n := range theirs.Names() {
			differs := mine.At(tree.Prefix{Name: n, Bits: 160}) != theirs.At(tree.Prefix{Name: n, Bits: 160})
			if differs {
				require.True(t, found[n], "%x", n)
			}
		}
	})
}

func TestFragmentsAreRefused(t *testing.T) {
	var leaves []tree.Leaf
	for i := range 100 {
		leaves = append(leaves, tree.NewLeaf(name(i, false), value(i)))
	}
	all := tree.New(leaves)
	f := all.Expand(tree.Whole).Encode()
	require.Len(t, f, 2+(31+3)/4+16*32)
	for i := range 8 * len(f) {
		changed := append([]byte(nil), f...)
		changed[i/8] ^= 1 << (i % 8)
		if got, err := tree.DecodeFragment(changed); err == nil {
			_, err = got.Ends(tree.Whole, all.Root())
			// Only whether something is one leaf or more cannot be told from its hash; then what is asked next is refused.
			if err == nil {
				require.Less(t, i/8, 2+(31+3)/4, "bit %d", i)
			}
		}
	}
	root := all.Root()
	nothing := append([]byte{0, 1, 2 << 6}, root[:]...)
	got, err := tree.DecodeFragment(nothing)
	require.NoError(t, err)
	_, err = got.Ends(tree.Whole, root)
	require.ErrorContains(t, err, "opens nothing")

	opened := append([]byte{0, 3, 3<<6 | 1<<4}, root[:]...)
	got, err = tree.DecodeFragment(opened)
	require.NoError(t, err)
	_, err = got.Ends(tree.Whole, tree.Join(root, tree.Empty))
	require.ErrorContains(t, err, "one leaf is opened")

	endless := make([]byte, 2+(400+3)/4)
	endless[0], endless[1] = 400>>8, 400&0xff
	for i := 2; i < len(endless); i++ {
		endless[i] = 0xff
	}
	got, err = tree.DecodeFragment(endless)
	require.NoError(t, err)
	_, err = got.Ends(tree.Whole, root)
	require.ErrorContains(t, err, "deeper than a name has bits")
}

func FuzzDecodePath(f *testing.F) {
	all := tree.New([]tree.Leaf{tree.NewLeaf(name(1, true), value(1)), tree.NewLeaf(name(2, true), value(2)), tree.NewLeaf(name(3, false), value(3))})
	path, _ := all.Path(name(1, true))
	f.Add(path.Encode())
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, data []byte) {
		path, err := tree.DecodePath(data)
		if err != nil {
			require.ErrorIs(t, err, tree.ErrPath)
			return
		}
		require.Equal(t, data, path.Encode())
	})
}

func FuzzDecodeFragment(f *testing.F) {
	all := tree.New([]tree.Leaf{tree.NewLeaf(name(1, true), value(1)), tree.NewLeaf(name(2, true), value(2)), tree.NewLeaf(name(3, false), value(3))})
	f.Add(all.Expand(tree.Whole).Encode())
	f.Add([]byte{0, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := tree.DecodeFragment(data)
		if err != nil {
			require.ErrorIs(t, err, tree.ErrFragment)
			return
		}
		require.Equal(t, data, got.Encode())
		ends, err := got.Ends(tree.Whole, all.Root())
		if err == nil {
			require.NotEmpty(t, ends)
		}
	})
}

// The root of some leaves of a tree is the same by its index as by a tree of their own.
func TestAnIndexHasTheRootsOfAllPartsOfATree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.Map(rapid.Uint16(), func(n uint16) tree.Name {
			return tree.Name{byte(n >> 8), byte(n)} // close to each other as well
		}), 0, 60, rapid.ID[tree.Name]).Draw(t, "names")
		var leaves []tree.Leaf
		for i, name := range names {
			leaves = append(leaves, tree.NewLeaf(name, tree.Hash{byte(i)}))
		}
		whole := tree.New(leaves)
		index := whole.Index()
		require.Equal(t, whole.Root(), index.Whole())
		for range 5 {
			var places []int
			missing := rapid.IntRange(1, 10).Draw(t, "missing")
			for i := range whole.Size() {
				if rapid.IntRange(0, missing).Draw(t, "in") > 0 {
					places = append(places, i)
				}
			}
			require.Equal(t, whole.Some(places).Root(), index.Root(places))
		}
	})
}
