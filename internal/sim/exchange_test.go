package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// heads returns what a node has of the heads of others, by operator.
func (w *world) heads(n int, from chain.Height) map[chain.Operator][]evidence.Head {
	all, err := w.nodes[n].Store().HeadsFrom(w.t.Context(), from)
	require.NoError(w.t, err)
	by := map[chain.Operator][]evidence.Head{}
	for _, h := range all {
		by[h.Operator] = append(by[h.Operator], h)
	}
	return by
}

func TestWholeNodesAttestAndCompareWindowAfterWindow(t *testing.T) {
	one, two := newWallet(1, 0, 1, 2, 0), newWallet(2, 2, 3, 1, 3, 3)
	withMocknet(t, 4, func(t *testing.T, w *world) {
		for n := range 4 {
			w.start(n)
		}
		w.pass(2100)
		for n := range 4 {
			heard := w.heads(n, 900)
			want := 3
			if n == 0 || n == 3 {
				want = 2 // they share no wallet
			}
			require.Len(t, heard, want, "node %d", n)
			for op, chained := range heard {
				require.Len(t, chained, 2, "heads of %v at node %d", op, n)
				require.Equal(t, evidence.Follows, evidence.LinkOf(chained[0], chained[1]))
			}
			c := w.nodes[n].Evidence().Counters()
			require.NotZero(t, c.Comparisons)
			require.Zero(t, c.ComparisonsFailed)
			require.Zero(t, c.HeadsHeard["suspect"])
			require.Equal(t, exchange.NewCounters().Proofs, c.Proofs)
			require.Equal(t, exchange.NewCounters().Findings, c.Findings, "all heard the same")
		}
		r, err := w.nodes[1].Evidence().Compare(t.Context(), operator(2))
		require.NoError(t, err)
		require.True(t, r.Complete)
		require.EqualValues(t, 1800, r.Window)
		require.Equal(t, 2, r.Head.Wallets)
		require.Equal(t, 1, r.Traffic.Rounds)
		_, err = w.nodes[0].Evidence().Compare(t.Context(), operator(3))
		require.ErrorIs(t, err, exchange.ErrStranger)
	}, one, two)
}
