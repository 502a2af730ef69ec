package rpcfault

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// reach takes heads until one is at a height, and returns it.
func (w *watch) reach(h chain.Height) chain.Header {
	w.t.Helper()
	for {
		if head := next(w.t, w.heads); head.Height >= h {
			return head
		}
	}
}

// A subscription that falls silent has no status to show; what it does not push comes from the polls.
func TestHeadsGoOnWhenTheServingEndpointFallsSilent(t *testing.T) {
	patiently(t, shortest, func(t *testing.T, every time.Duration) string {
		c := newChain(t, 300)
		w, complaint := newWatch(t, c, every)
		if complaint != "" {
			return complaint
		}
		if serving := w.pool.Snapshot().Serving; serving != endpointNames[0] {
			return serving + " serves"
		}
		w.reach(300)
		f := sound()
		f.Silent = true
		since := w.sicken(f)
		for h := chain.Height(301); h <= 303; h++ {
			require.NoError(t, c.Mine(t.Context(), 1))
			truth, err := c.Header(h)
			require.NoError(t, err)
			require.Equal(t, truth.Hash, w.reach(h).Hash)
			s := w.pool.Snapshot()
			if needed := w.polls[0].between(since, s.At); needed > mostPolls {
				return fmt.Sprintf("block %d came after %d polls", h, needed)
			}
			since = s.At
		}
		require.Positive(t, w.rigs[0].Log()[KindSilent].Times)
		return ""
	})
}

// What the serving endpoint alone says of the newest block does not become the node's clock.
func TestNoHeadOfALiarIsDelivered(t *testing.T) {
	for name, f := range map[string]Faults{
		"30 million ahead": {Jump: 30_000_000}, "60 ahead": {Jump: 60},
	} {
		t.Run(name, func(t *testing.T) {
			patiently(t, shortest, func(t *testing.T, every time.Duration) string {
				c := newChain(t, 300)
				w, complaint := newWatch(t, c, every)
				if complaint != "" {
					return complaint
				}
				w.reach(300)
				f.Peers = sound().Peers
				w.sicken(f)
				for range 3 {
					require.NoError(t, c.Mine(t.Context(), 1))
					head := w.reach(c.Height())
					require.Equal(t, c.Height(), head.Height)
					truth, err := c.Header(head.Height)
					require.NoError(t, err)
					require.Equal(t, truth.Hash, head.Hash)
				}
				return ""
			})
		})
	}
}
