package rpcfault

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// What must happen within two polls is counted in polls. Their interval is a fraction of a second in place of 5 s, and so are the times that
// go with it. On a machine that is busy, answers take longer than that, which is nobody's ill: then the interval is doubled, up to half a minute.
const (
	shortest = 400 * time.Millisecond
	longest  = shortest << 6
)

// patiently tries something with a short interval between polls, and with longer ones as long as it has a complaint. What is wrong on any
// machine is wrong with the longest one too.
func patiently(t *testing.T, every time.Duration, try func(t *testing.T, every time.Duration) (complaint string)) {
	t.Helper()
	for ; ; every *= 2 {
		var complaint string
		sound := t.Run(fmt.Sprint("polls each ", every), func(t *testing.T) { complaint = try(t, every) }) // its endpoints end with it
		if !sound || complaint == "" {
			return
		}
		t.Logf("with polls each %v: %s", every, complaint)
		require.Less(t, every, longest, complaint)
	}
}

// endpointNames are the endpoints of a watch; the first is the primary, and the one that is ill.
var endpointNames = []string{"primary", "second", "third", "fourth", "fifth"}

// watch is a pool of real clients over real endpoints, five in front of one chain.
type watch struct {
	t     testing.TB
	every time.Duration // between two polls; how long one may take, too
	chain *localchain.Chain
	rigs  []*Proxy
	polls []*polls
	pool  *quorum.Pool
	heads chan chain.Header
}

// polls is when an endpoint was polled.
type polls struct {
	every time.Duration
	mu    sync.Mutex
	made  [][2]time.Time // begin and end of each
}

// polled is an endpoint whose polls are noted.
type polled struct {
	quorum.Endpoint
	*polls
}

func (p polled) Look(ctx context.Context, ask quorum.Ask) (quorum.Sight, error) {
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
		if it[0].After(from) && !it[1].After(to) && it[0].Sub(last) >= p.every*9/10 { // less the jitter
			n, last = n+1, it[0]
		}
	}
	return n
}

// sound is an endpoint with nothing wrong: the chain behind has no peers of its own.
func sound() Faults { return Faults{Peers: &Peers{Count: 25}} }

// newWatch starts a pool over five sound endpoints. It complains if they are not all healthy soon.
func newWatch(t testing.TB, c *localchain.Chain, every time.Duration) (_ *watch, complaint string) {
	t.Helper()
	w := &watch{t: t, every: every, chain: c, heads: make(chan chain.Header, 1024)}
	log := slog.New(slog.DiscardHandler)
	var members []quorum.Member
	for i, name := range endpointNames {
		p, err := New(t.Context(), c.URL(), log)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, err = p.Set(t.Context(), sound())
		require.NoError(t, err)
		counted := &polls{every: every}
		w.rigs, w.polls = append(w.rigs, p), append(w.polls, counted)
		members = append(members, quorum.Member{
			Name: name, Group: name, Primary: i == 0, Key: name,
			Open: func() (quorum.Endpoint, error) {
				client, err := ethereum.Open(ethereum.Config{
					URL: p.URL(), PollInterval: every, CallTimeout: max(5*time.Second, 2*every),
					Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
				return polled{client, counted}, err
			},
		})
	}
	pool, err := quorum.New(t.Context(), quorum.Config{
		Members: members, ChainID: localchain.ChainID, PollEvery: every, Deadline: every, PeersEvery: every,
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
	return w, w.soon("all are healthy", func(s *quorum.Snapshot) bool {
		return s.Quorum && s.Agreed.Height == c.Height() && !slices.ContainsFunc(s.Endpoints, func(e quorum.EndpointState) bool {
			return e.Status != quorum.Healthy
		})
	})
}

// patience is for how many intervals something is waited for that takes two to four: one that comes later is counted, and what does not come
// at all is said to be missing.
const patience = 12

// soon waits until the pool shows something, and complains if it does not.
func (w *watch) soon(what string, shows func(*quorum.Snapshot) bool) (complaint string) {
	ticker, late := time.NewTicker(time.Millisecond), time.NewTimer(patience*w.every)
	defer ticker.Stop()
	defer late.Stop()
	for !shows(w.pool.Snapshot()) {
		select {
		case <-ticker.C:
		case <-late.C:
			return "not within " + strconv.Itoa(patience) + " intervals: " + what
		}
	}
	return ""
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
func (w *watch) change(since time.Time, want quorum.Reason, whole func(quorum.EndpointState) bool) (found seen, complaint string) {
	complaint = w.soon(string(want), func(s *quorum.Snapshot) bool {
		e := s.Endpoints[0]
		found = seen{e, s.At}
		return e.Reason == want && e.Since.After(since) && whole(e)
	})
	return found, complaint
}
