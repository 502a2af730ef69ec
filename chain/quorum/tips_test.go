package quorum

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestTips(t *testing.T) {
	t.Parallel()
	lost := func(h chain.Height) chain.Header { return loser(h).header(h) }
	r := right.header
	for name, c := range map[string]struct {
		shown   []chain.Header
		ring    *Ring
		wrong   int
		waiting int
	}{
		"true ones":                         {[]chain.Header{r(990), r(991), r(992)}, ringOf(900, 1000), 0, 0},
		"losers":                            {[]chain.Header{lost(990), lost(991), lost(992)}, ringOf(900, 1000), 3, 0},
		"a true one ends the row":           {[]chain.Header{lost(990), lost(991), r(992), lost(993)}, ringOf(900, 1000), 1, 0},
		"the last word at a height counts":  {[]chain.Header{lost(990), r(990)}, ringOf(900, 1000), 0, 0},
		"also if it is the wrong one":       {[]chain.Header{r(990), lost(990)}, ringOf(900, 1000), 1, 0},
		"poll after poll the same":          {[]chain.Header{lost(990), lost(990), lost(990)}, ringOf(900, 1000), 1, 0},
		"the ring's head may lose its race": {[]chain.Header{lost(999), lost(1000)}, ringOf(900, 1000), 1, 1},
		"above the ring nothing is known":   {[]chain.Header{lost(1001), lost(1002)}, ringOf(900, 1000), 0, 2},
		"nor below it":                      {[]chain.Header{lost(898), lost(899)}, ringOf(900, 1000), 0, 0},
		"nothing is agreed":                 {[]chain.Header{lost(990)}, nil, 0, 1},
		"nothing was shown":                 {[]chain.Header{{}}, ringOf(900, 1000), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen tips
			for _, h := range c.shown {
				seen.note(h)
			}
			seen.settle(c.ring)
			seen.settle(c.ring)
			require.Equal(t, c.wrong, seen.wrong)
			require.Len(t, seen.waiting, c.waiting)
		})
	}
}

func TestABlockIsComparedOnce(t *testing.T) {
	t.Parallel()
	var seen tips
	for range 10 { // it stands still on a block that lost
		seen.note(loser(990).header(990))
		seen.settle(ringOf(900, 1000))
	}
	require.Equal(t, 1, seen.wrong)
}

func TestTipsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	var seen tips
	for h := range chain.Height(10 * maxTips) {
		seen.note(right.header(2000 + h))
		seen.settle(ringOf(900, 1000))
	}
	require.Len(t, seen.waiting, maxTips)
}

// The majority is on another branch than the ring, and what lies between is still to be fetched: who went ahead of the
// majority is not held against the branch that it left.
func TestNobodyIsHeldAgainstABranchThatIsLeft(t *testing.T) {
	t.Parallel()
	b := newBook(Config{}.complete(), slog.New(slog.DiscardHandler))
	left := branch{id: 5, from: 980}
	ring, err := b.ring.With(left.headers(900, 1000))
	require.NoError(t, err)
	first := new(track)
	for h := chain.Height(990); h < 998; h++ {
		first.tips.note(right.header(h))
	}
	b.ring, b.tracks = ring, []*track{first}
	b.ruling = Ruling{Quorum: true, Agreed: right.header(1010)}
	b.agree(time.Unix(0, 0))
	require.Zero(t, first.tips.wrong)
	require.Len(t, first.tips.waiting, 8)

	b.ring = ringOf(900, 1009)
	b.agree(time.Unix(0, 0))
	require.Zero(t, first.tips.wrong)
	require.Empty(t, first.tips.waiting)
}
