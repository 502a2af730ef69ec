package rpcfault

import (
	"context"
	"fmt"
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
// production, at the least rate that a configuration may have, and at the default one. On a machine that is busy both are slower, in proportion.
func TestOwnRateLimitsCostNoQuorum(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	for _, c := range []limit{{4.8, 3, 64}, {5, 5, 64}, {25, 3, 256}} {
		t.Run(strconv.FormatFloat(c.rate, 'g', -1, 64), func(t *testing.T) {
			t.Parallel()
			patiently(t, usual, c.holds)
		})
	}
}

// limit is a rate of requests a second, where polls come every 5 s.
type limit struct {
	rate      float64
	endpoints int
	ring      chain.Height // how far below the head the ring must reach at the end
}

// holds complains about an endpoint that is not well, or a view that is not whole.
func (c limit) holds(t *testing.T, every time.Duration) (complaint string) {
	truth := newChain(t, 600)
	pool, asked := limited(t, truth, c, every)
	pace := time.NewTicker(every / 10)
	defer pace.Stop()
	for i := range mostSamples {
		if i%24 == 23 { // a block in 12 s
			require.NoError(t, truth.Mine(t.Context(), 1))
		}
		s := pool.Snapshot()
		if !s.Quorum {
			return fmt.Sprintf("no quorum in sample %d", i)
		}
		for _, e := range s.Endpoints {
			if e.Reason != quorum.OK || e.Errors > 0 {
				return fmt.Sprintf("%s in sample %d: %s, %d errors: %s", e.Name, i, e.Reason, e.Errors, e.LastErr)
			}
		}
		if i >= samples && i%10 == 0 {
			before := asked.Load()
			if _, err := pool.Header(t.Context(), s.Agreed.Height-c.ring); err != nil {
				return err.Error()
			}
			if asked.Load() == before {
				t.Logf("the ring reaches %d blocks down after %d samples", c.ring, i)
				return ""
			}
		}
		<-pace.C
	}
	return fmt.Sprintf("the ring does not reach %d blocks down", c.ring)
}

// samples are the looks at a pool, ten for each poll, in which all must be well. mostSamples are those within which its ring is filled beside
// them, which half of them take if nothing else is asked of a machine that keeps up.
const (
	samples     = 50
	mostSamples = 200
)

// limited runs a pool of real clients with a rate, and counts how often one of them is asked for a single header.
func limited(t *testing.T, c *localchain.Chain, l limit, every time.Duration) (*quorum.Pool, *atomic.Int64) {
	t.Helper()
	log, asked := slog.New(slog.DiscardHandler), new(atomic.Int64)
	members := make([]quorum.Member, l.endpoints)
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
					URL: p.URL(), PollInterval: every * 12 / 5, CallTimeout: 2 * every, RequestsPerSecond: l.rate * usual.Seconds() / every.Seconds(),
					Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
				return counting{client, asked}, err
			},
		}
	}
	pool, err := quorum.New(t.Context(), quorum.Config{
		Members: members, ChainID: localchain.ChainID, PollEvery: every, Deadline: every * 2 / 5, PeersEvery: 6 * every,
	}, log)
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
