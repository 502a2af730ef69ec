package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestRing(t *testing.T) {
	t.Parallel()
	other := branch{id: 4, from: 104}
	tests := []struct {
		name    string
		ring    *Ring
		headers []chain.Header
		from    chain.Height
		to      branch
		top     chain.Height
	}{
		{"the first", nil, right.headers(100, 102), 100, right, 102},
		{"none", ringOf(100, 102), nil, 100, right, 102},
		{"on top", ringOf(100, 102), right.headers(103, 105), 100, right, 105},
		{"overlapping", ringOf(100, 105), right.headers(103, 107), 100, right, 107},
		{"the same below the top: what was above gives way", ringOf(100, 105), right.headers(103, 103), 100, right, 103},
		{"another branch that links", ringOf(100, 107), other.headers(105, 106), 100, other, 106},
		{"another branch that does not link", ringOf(100, 107), other.headers(106, 108), 106, other, 108},
		{"above a gap", ringOf(100, 107), right.headers(109, 110), 109, right, 110},
		{"below all", ringOf(100, 107), right.headers(90, 95), 90, right, 95},
		{"from the first block", nil, right.headers(0, 3), 0, right, 3},
		{"the first block over others", ringOf(0, 3), right.headers(0, 1), 0, right, 1},
		{"more than it holds", nil, right.headers(1, 2*ringSize), ringSize + 1, right, 2 * ringSize},
		{"full", ringOf(1, ringSize), right.headers(ringSize+1, ringSize+7), 8, right, ringSize + 7},
		{"full, replaced by as much", ringOf(1, ringSize), right.headers(ringSize+1, 2*ringSize), ringSize + 1, right, 2 * ringSize},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, err := test.ring.With(test.headers)
			require.NoError(t, err)
			top, ok := r.Head()
			require.True(t, ok)
			require.Equal(t, test.to.header(test.top), top)
			lowest, ok := r.lowest()
			require.True(t, ok)
			require.Equal(t, test.to.header(test.from), lowest)
			for h := test.from; h <= test.top; h++ {
				header, ok := r.At(h)
				require.True(t, ok)
				require.Equal(t, test.to.header(h), header)
			}
			_, ok = r.At(test.top + 1)
			require.False(t, ok)
			if test.from > 0 {
				_, ok = r.At(test.from - 1)
				require.False(t, ok)
			}
		})
	}
}

func TestRingRefusesWhatDoesNotLink(t *testing.T) {
	t.Parallel()
	r := ringOf(100, 102)
	same, err := r.With([]chain.Header{right.header(103), right.header(105)})
	require.ErrorIs(t, err, errNotLinked)
	require.Same(t, r, same)
	_, err = r.With([]chain.Header{right.header(103), branch{id: 4, from: 102}.header(104)})
	require.ErrorIs(t, err, errNotLinked)
}

func TestRingIsImmutable(t *testing.T) {
	t.Parallel()
	r := ringOf(100, 102)
	longer, err := r.With(right.headers(103, 104))
	require.NoError(t, err)
	_, err = longer.With(branch{id: 4, from: 102}.headers(103, 104))
	require.NoError(t, err)
	top, _ := r.Head()
	require.Equal(t, right.header(102), top)
	header, _ := longer.At(103)
	require.Equal(t, right.header(103), header)
}

func TestRingOfNothing(t *testing.T) {
	t.Parallel()
	var r *Ring
	_, ok := r.Head()
	require.False(t, ok)
	_, ok = r.lowest()
	require.False(t, ok)
	_, ok = r.At(0)
	require.False(t, ok)
}
