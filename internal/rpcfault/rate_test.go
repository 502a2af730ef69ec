package rpcfault

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// A rate that the operator configures holds calls back, and never the view of the chain: polls every 5 s, as in
// production, at the least rate that a configuration may have, and at the default one.
func TestOwnRateLimitsCostNoQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, c := range []struct {
		rate      float64
		endpoints int
		ring      chain.Height // how far below the head it must reach at the end
	}{{4.8, 3, 64}, {5, 5, 64}, {25, 3, 256}} {
		t.Run(strconv.FormatFloat(c.rate, 'g', -1, 64), func(t *testing.T) {
			t.Parallel()
			truth := newChain(t, 600)
			pool, asked := limited(t, truth, c.endpoints, c.rate)
			for i := range 50 {
				if i%24 == 23 { // a block in 12 s
					require.NoError(t, truth.Mine(t.Context(), 1))
				}
				s := pool.Snapshot()
				require.True(t, s.Quorum, "sample %d", i)
				for _, e := range s.Endpoints {
					require.Equal(t, quorum.OK, e.Reason, "%s in sample %d: %s", e.Name, i, e.LastErr)
					require.Zero(t, e.Errors)
				}
				<-time.After(500 * time.Millisecond)
			}
			_, err := pool.Header(t.Context(), pool.Snapshot().Agreed.Height-c.ring)
			require.NoError(t, err)
			require.Zero(t, asked.Load(), "it is in the ring")
		})
	}
}

// limited runs a pool of real clients with a rate, and counts how often one of them is asked for a single header.
func limited(t *testing.T, c *localchain.Chain, endpoints int, rate float64) (*quorum.Pool, *atomic.Int64) {
	t.Helper()
	log, asked := slog.New(slog.DiscardHandler), new(atomic.Int64)
	members := make([]quorum.Member, endpoints)
	for i := range members {
		p, err := New(t.Context(), c.URL(), log)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, err = p.Set(t.Context(), sound())
		require.NoError(t, err)
		members[i] = quorum.Member{
			Name: endpointNames[i], Group: endpointNames[i], Primary: i == 0, Key: endpointNames[i],
			Open: func() (quorum.Endpoint, error) {
				client, err := ethereum.Open(ethereum.Config{
					URL: p.URL(), PollInterval: 12 * time.Second, CallTimeout: 10 * time.Second, RequestsPerSecond: rate,
					Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
				return counting{client, asked}, err
			},
		}
	}
	pool, err := quorum.New(t.Context(), quorum.Config{Members: members, ChainID: localchain.ChainID}, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error)
	go func() { ended <- pool.Run(ctx, func(chain.Header) {}) }()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		pool.Close()
	})
	return pool, asked
}

// counting counts decisions about a header, which a ring that has it saves.
type counting struct {
	quorum.Endpoint
	asked *atomic.Int64
}

func (c counting) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	c.asked.Add(1)
	return c.Endpoint.Header(ctx, h)
}
