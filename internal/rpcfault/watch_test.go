package rpcfault

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/bubble"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// pollEvery of the tests is a fraction of a second in place of 5 s. What must happen within two polls is counted in polls.
// A poll may take as long, which under the race detector has to be longer.
var pollEvery = func() time.Duration {
	const usual = 400 * time.Millisecond
	if bubble.Watched {
		return 6 * usual // so that answers come between two polls on a machine that other tests keep busy
	}
	return usual
}()

// endpointNames are the endpoints of a watch; the first is the primary, and the one that is ill.
var endpointNames = []string{"primary", "second", "third", "fourth", "fifth"}

// watch is a pool of real clients over real endpoints, five in front of one chain.
type watch struct {
	t     testing.TB
	chain *localchain.Chain
	rigs  []*Proxy
	polls []*polls
	pool  *quorum.Pool
	heads chan chain.Header
}

// polls is an endpoint that remembers when it was polled.
type polls struct {
	quorum.Endpoint
	mu   sync.Mutex
	made [][2]time.Time // begin and end of each
}

func (p *polls) Look(ctx context.Context, ask quorum.Ask) (quorum.Sight, error) {
	began := time.Now()
	sight, err := p.Endpoint.Look(ctx, ask)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = append(p.made, [2]time.Time{began, time.Now()})
	return sight, err
}

// between counts the polls that began after one time and ended before another. Those that a new block brought forward,
// up to three between two regular ones, count with the one before: the goal is meant in intervals.
func (p *polls) between(from, to time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, last := 0, time.Time{}
	for _, it := range p.made {
		if it[0].After(from) && !it[1].After(to) && it[0].Sub(last) >= pollEvery*9/10 { // less the jitter
			n, last = n+1, it[0]
		}
	}
	return n
}

// sound is an endpoint with nothing wrong: the chain behind has no peers of its own.
func sound() Faults { return Faults{Peers: &Peers{Count: 25}} }

// newWatch starts a pool over five sound endpoints and waits until all are healthy.
func newWatch(t testing.TB, c *localchain.Chain) *watch {
	t.Helper()
	w := &watch{t: t, chain: c, heads: make(chan chain.Header, 1024)}
	log := slog.New(slog.DiscardHandler)
	var members []quorum.Member
	for i, name := range endpointNames {
		p, err := New(t.Context(), c.URL(), log)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, err = p.Set(t.Context(), sound())
		require.NoError(t, err)
		counted := new(polls)
		w.rigs, w.polls = append(w.rigs, p), append(w.polls, counted)
		members = append(members, quorum.Member{
			Name: name, Group: name, Primary: i == 0, Key: name,
			Open: func() (quorum.Endpoint, error) {
				client, err := ethereum.Open(ethereum.Config{
					URL: p.URL(), PollInterval: pollEvery, CallTimeout: 5 * time.Second,
					Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
				counted.Endpoint = client
				return counted, err
			},
		})
	}
	pool, err := quorum.New(t.Context(), quorum.Config{
		Members: members, ChainID: localchain.ChainID, PollEvery: pollEvery, Deadline: pollEvery, PeersEvery: pollEvery,
	}, log)
	require.NoError(t, err)
	w.pool = pool
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = pool.Run(ctx, func(h chain.Header) { w.heads <- h })
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		pool.Close()
	})
	w.eventually("all are healthy", func(s *quorum.Snapshot) bool {
		return s.Quorum && s.Agreed.Height == c.Height() && !slices.ContainsFunc(s.Endpoints, func(e quorum.EndpointState) bool {
			return e.Status != quorum.Healthy
		})
	})
	return w
}

// eventually waits until the pool shows something.
func (w *watch) eventually(what string, shows func(*quorum.Snapshot) bool) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return shows(w.pool.Snapshot()) }, 2*time.Minute, time.Millisecond, what)
}

// sicken makes the primary ill and returns since when.
func (w *watch) sicken(f Faults) time.Time {
	w.t.Helper()
	_, err := w.rigs[0].Set(w.t.Context(), f)
	require.NoError(w.t, err)
	return time.Now()
}

// seen is a reason that the pool gave the primary, and when.
type seen struct {
	quorum.EndpointState
	At time.Time
}

func anything(quorum.EndpointState) bool { return true }

// change waits until the pool gives the primary a reason since a time, and what goes with it.
func (w *watch) change(since time.Time, want quorum.Reason, whole func(quorum.EndpointState) bool) seen {
	w.t.Helper()
	var found seen
	w.eventually(string(want), func(s *quorum.Snapshot) bool {
		e := s.Endpoints[0]
		found = seen{e, s.At}
		return e.Reason == want && e.Since.After(since) && whole(e)
	})
	return found
}
