package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestMissing(t *testing.T) {
	t.Parallel()
	fork := branch{id: 9, from: 800}
	gap := right.view(1000, 10)
	gap = gap.With(right.sight(1030, gap.Ask()), nil)
	tests := []struct {
		name     string
		view     *View
		ring     *Ring
		from, to chain.Height
		missing  bool
	}{
		{"first sight, nothing agreed: the three before", (*View)(nil).With(right.sight(1000, Ask{}), nil), nil, 998, 999, true},
		{"four known, nothing agreed", right.view(1000, 4), nil, 0, 0, false},
		{"a gap, nothing agreed: up to what was known", gap, nil, 1001, 1029, true},
		{"a gap, and a ring below it all", gap, ringOf(900, 950), 1001, 1029, true},
		{"a gap, and the ring in it", gap, ringOf(900, 1020), 1021, 1029, true},
		{"the ring reached", right.view(1000, 4), ringOf(900, 997), 0, 0, false},
		{"the ring just not reached", right.view(1000, 4), ringOf(900, 996), 997, 997, true},
		{"the ring reached, by too few for a vote", right.view(1000, 2), ringOf(900, 999), 998, 999, true},
		{"the ring not reached, by too few for a vote", right.view(1000, 2), ringOf(900, 998), 998, 999, true},
		{"the ring not reached, by far", right.view(1000, 2), ringOf(900, 950), 951, 999, true},
		{"below the ring, too few for a vote", right.view(450, 3), ringOf(500, 1000), 448, 448, true},
		{"the ring far below: one batch at a time", right.view(1000, 4), ringOf(700, 800), 997 - 63, 997, true},
		{"the ring too far below", right.view(1000, 257), ringOf(300, 400), 0, 0, false},
		{"the last batch stops 256 below", right.view(1000, 230), ringOf(300, 400), 1000 - 256, 771, true},
		{"a fork: a few further down", fork.view(1000, 4), ringOf(500, 1000), 990, 997, true},
		{"a fork: one short of that", fork.view(1000, 11), ringOf(500, 1000), 990, 990, true},
		{"a fork: more would not tell a reorganisation", fork.view(1000, 12), ringOf(500, 1000), 0, 0, false},
		{"a fork that meets the ring", branch{id: 9, from: 994}.view(1000, 7), ringOf(500, 1000), 0, 0, false},
		{"a fork below the ring", fork.view(1000, 12), ringOf(998, 1000), 0, 0, false},
		{"a lost race", branch{id: 1, from: 999}.view(1000, 4), ringOf(500, 1000), 0, 0, false},
		{"behind, on the agreed chain", right.view(950, 4), ringOf(500, 1000), 0, 0, false},
		{"behind, below the ring", right.view(450, 4), ringOf(500, 1000), 0, 0, false},
		{"blocks that are neighbours and not linked", (*View)(nil).With(Sight{Head: right.header(1001), Headers: right.headers(999, 999)}, nil), nil, 1000, 1000, true},
		{"near the first block", right.view(5, 2), nil, 3, 4, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			from, to, missing := test.view.Missing(test.ring)
			require.Equal(t, test.missing, missing)
			if missing {
				require.Equal(t, [2]chain.Height{test.from, test.to}, [2]chain.Height{from, to})
			}
		})
	}
}
