package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

var (
	right = branch{}
	wrong = branch{id: 7, from: 90}
)

// known lists the heights that a view knows between two, and checks each hash.
func known(t *testing.T, v *View, b branch, from, to chain.Height) (heights []chain.Height) {
	t.Helper()
	for h := from; h <= to; h++ {
		hash, ok := v.At(h)
		if ok {
			require.Equal(t, b.hash(h), hash, "height %d", h)
			heights = append(heights, h)
		}
	}
	return heights
}

func span(from, to chain.Height) (heights []chain.Height) {
	for h := from; h <= to; h++ {
		heights = append(heights, h)
	}
	return heights
}

func TestViewKnowsWhatHeadersName(t *testing.T) {
	t.Parallel()
	v := (*View)(nil).With(right.sight(100, Ask{}), nil)
	require.Equal(t, span(99, 100), known(t, v, right, 0, 200))
	_, whole := v.Header(99)
	require.False(t, whole, "only the hash of the parent is known")
	require.Equal(t, Ask{From: 98, To: 100}, v.Ask())

	v = v.With(right.sight(101, v.Ask()), nil)
	require.Equal(t, span(97, 101), known(t, v, right, 0, 200))
	header, whole := v.Header(99)
	require.True(t, whole)
	require.Equal(t, right.header(99), header)
	require.Equal(t, right.header(101), v.Head())
}

func TestViewOfNothing(t *testing.T) {
	t.Parallel()
	var v *View
	_, ok := v.At(0)
	require.False(t, ok)
	require.Equal(t, chain.Header{}, v.Head())
	require.Equal(t, Ask{}, v.Ask())
	_, ok = v.nonLinking()
	require.False(t, ok)
	_, _, ok = v.Missing(nil)
	require.False(t, ok)
}

func TestViewLeavesAGapUnknown(t *testing.T) {
	t.Parallel()
	v := right.view(100, 10)
	v = v.With(right.sight(110, v.Ask()), nil)
	require.Equal(t, append(span(91, 100), 109, 110), known(t, v, right, 0, 200), "the run below stays: the endpoint still shows its top")

	filled := v.With(right.sight(110, Ask{}), right.headers(101, 109))
	require.Equal(t, span(91, 110), known(t, filled, right, 0, 200), "the gap is filled, and what was known below links")

	v = v.With(right.sight(110, Ask{}), nil)
	require.Equal(t, span(109, 110), known(t, v, right, 0, 200), "nothing shown now descends from the rest")
}

func TestViewDropsTheBranchThatWasLeft(t *testing.T) {
	t.Parallel()
	v := wrong.view(100, 15)
	require.Equal(t, span(86, 100), known(t, v, wrong, 0, 200))
	v = v.With(right.sight(101, v.Ask()), nil)
	require.Equal(t, span(97, 101), known(t, v, right, 0, 200))
	_, ok := v.nonLinking()
	require.False(t, ok, "each answer by itself is one chain")

	v = v.With(right.sight(101, Ask{}), right.headers(88, 97))
	require.Equal(t, span(87, 101), known(t, v, right, 0, 200), "earlier polls name what links them")
}

func TestViewForgetsWhatNothingConfirms(t *testing.T) {
	t.Parallel()
	v := right.view(100, 10).With(wrong.sight(120, Ask{}), nil)
	require.Equal(t, span(119, 120), known(t, v, wrong, 0, 200))
}

func TestViewTakesFetchedHeadersOnlyAsTheyAreNamed(t *testing.T) {
	t.Parallel()
	v := right.view(100, 3).With(right.sight(100, Ask{From: 98, To: 100}), wrong.headers(91, 97))
	require.Equal(t, span(97, 100), known(t, v, right, 0, 200))
}

func TestViewSeesHeadersThatDoNotLink(t *testing.T) {
	t.Parallel()
	lie := right.header(99)
	lie.Hash[31] = 1
	tests := []struct {
		name    string
		sight   Sight
		more    []chain.Header
		broken  chain.Height
		knows   []chain.Height
		dropped string
	}{
		{
			"a header among those asked",
			Sight{Head: right.header(101), Headers: []chain.Header{right.header(98), lie, right.header(100)}},
			nil, 100, span(99, 101), "below the lie is another branch",
		},
		{
			"the head's own height twice",
			Sight{Head: right.header(100), Headers: wrong.headers(98, 100)},
			nil, 100, span(99, 100), "of the head's branch only the head is known",
		},
		{
			"the head and the header below it",
			Sight{Head: right.header(101), Headers: wrong.headers(98, 100)},
			nil, 101, span(100, 101), "likewise",
		},
		{
			"headers fetched beside it", right.sight(100, Ask{}),
			[]chain.Header{wrong.header(95), right.header(96)},
			96, span(99, 100), "they do not reach the head",
		},
		{"all of one chain", right.sight(100, Ask{From: 97, To: 99}), right.headers(94, 96), 0, span(93, 100), ""},
		{"heights that skip", Sight{Head: right.header(101), Headers: []chain.Header{wrong.header(98)}}, nil, 0, append([]chain.Height{}, 100, 101), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v := (*View)(nil).With(test.sight, test.more)
			at, broken := v.nonLinking()
			require.Equal(t, test.broken, at)
			require.Equal(t, test.broken > 0, broken)
			for _, h := range test.knows {
				hash, ok := v.At(h)
				require.True(t, ok, "height %d", h)
				require.Equal(t, right.hash(h), hash, "height %d", h)
			}
			if test.dropped != "" {
				_, ok := v.At(test.knows[0] - 1)
				require.False(t, ok, test.dropped)
			}
		})
	}
}

func TestViewOfABalancerWhoseBackendsDiffer(t *testing.T) {
	t.Parallel()
	s := Sight{Head: right.header(98), Headers: right.headers(97, 100)}
	v := (*View)(nil).With(s, nil)
	require.Equal(t, span(96, 98), known(t, v, right, 0, 200), "the newest header bounds what it stands by")
	_, broken := v.nonLinking()
	require.False(t, broken)
}

// TestViewBelievesNoHeights: a made-up header may name any block as its parent, also one that is not just below it.
func TestViewBelievesNoHeights(t *testing.T) {
	t.Parallel()
	made := chain.Header{Height: 101, Hash: wrong.hash(101), Parent: right.hash(98)}
	v := (*View)(nil).With(Sight{Head: made, Headers: right.headers(98, 98)}, nil)
	hash, ok := v.At(100)
	require.True(t, ok)
	require.Equal(t, right.hash(98), hash, "which is no block of that height, and agrees with nobody's")
	require.Equal(t, 2, v.run(0), "below it is a gap")
}

func TestViewIsBounded(t *testing.T) {
	t.Parallel()
	v := right.view(2000, 1000)
	require.Len(t, v.blocks, viewSize)
	require.Equal(t, span(2000-viewSize+1, 2000), known(t, v, right, 0, 3000))
	for h := chain.Height(2001); h < 2100; h++ {
		v = v.With(right.sight(h, v.Ask()), nil)
		require.LessOrEqual(t, len(v.blocks), viewSize)
	}
	require.Equal(t, span(2099-viewSize+1, 2099), known(t, v, right, 0, 3000))
}

func TestViewReachesTheFirstBlock(t *testing.T) {
	t.Parallel()
	v := (*View)(nil).With(right.sight(2, Ask{From: 0, To: 1}), nil)
	require.Equal(t, span(0, 2), known(t, v, right, 0, 10))
	_, _, missing := v.Missing(nil)
	require.False(t, missing)
	require.Equal(t, Ask{From: 0, To: 2}, v.Ask())
}
