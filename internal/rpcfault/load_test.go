package rpcfault

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// crew is a pool of five real clients, by WebSocket and by HTTP in turn, over sound endpoints in front of one chain. Its
// times are those that an operator has. The first of the members it begins with is the primary.
type crew struct {
	*quorum.Pool
	rigs    []*Proxy
	members []quorum.Member
}

func newCrew(t *testing.T, c *localchain.Chain, of ...int) *crew {
	t.Helper()
	log, w := slog.New(slog.DiscardHandler), new(crew)
	for i, name := range endpointNames {
		p, err := New(t.Context(), c.URL(), log)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		_, err = p.Set(t.Context(), sound())
		require.NoError(t, err)
		url := p.URL()
		if i%2 == 1 {
			url = p.HTTPURL()
		}
		w.rigs = append(w.rigs, p)
		w.members = append(w.members, quorum.Member{
			Name: name, Group: name, Key: name,
			Open: func() (quorum.Endpoint, error) {
				return ethereum.Open(ethereum.Config{
					URL: url, PollInterval: time.Second, CallTimeout: 10 * time.Second, Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
			},
		})
	}
	var err error
	w.Pool, err = quorum.New(t.Context(), quorum.Config{Members: w.set(of...), ChainID: localchain.ChainID}, log)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Run(ctx, func(chain.Header) {})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		w.Close()
	})
	return w
}

// set returns some of the members, the first of which is the primary.
func (w *crew) set(of ...int) (members []quorum.Member) {
	for i, n := range of {
		m := w.members[n]
		m.Primary = i == 0
		members = append(members, m)
	}
	return members
}

// state returns what the pool shows of an endpoint.
func (w *crew) state(name string) (found quorum.EndpointState) {
	for _, e := range w.Snapshot().Endpoints {
		if e.Name == name {
			found = e
		}
	}
	return found
}

const (
	loadCalls   = 2500 // in all
	loadCallers = 25
	loadPause   = 50 * time.Millisecond // between the beginnings of two calls of one caller: 500 calls a second
	votePer     = 10                    // one call of so many asks every endpoint
)

// load is what callers met with.
type load struct {
	calls, votes atomic.Int64
	mu           sync.Mutex
	failures     []error
	took         time.Duration
}

// run makes all calls and returns when the last has ended. Every caller makes its share.
func (l *load) run(ctx context.Context, w *crew) {
	began := time.Now()
	var callers sync.WaitGroup
	for range loadCallers {
		callers.Go(func() {
			pace := time.NewTicker(loadPause)
			defer pace.Stop()
			for n := range loadCalls / loadCallers {
				if err := l.call(ctx, w, n%votePer == 0); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, err)
					l.mu.Unlock()
				}
				select {
				case <-pace.C:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	callers.Wait()
	l.took = time.Since(began)
}

// call reads from the endpoint that serves, or has all vote on a block that is below what was agreed already.
func (l *load) call(ctx context.Context, w *crew, vote bool) error {
	l.calls.Add(1)
	if !vote {
		_, err := w.RedemptionLimits(ctx)
		return err
	}
	l.votes.Add(1)
	_, err := w.Header(ctx, 0)
	return err
}

// Clients, sockets and time are real here; the pool's own tests do the same with a virtual clock.
func TestNoCallFailsWhileTheEndpointsAreReloadedAndCordoned(t *testing.T) {
	w := newCrew(t, newChain(t, 300), 0, 1, 2, 3, 4)
	sets := [][]quorum.Member{w.set(1, 2, 3), w.set(4, 0, 1), w.set(2, 3, 4, 0), w.set(0, 1, 2, 3, 4)}
	var met load
	over := make(chan struct{})
	go func() {
		defer close(over)
		met.run(t.Context(), w)
	}()
	reloads, cordons, slowest := 0, 0, time.Duration(0)
	for done := false; !done; {
		began := time.Now()
		require.NoError(t, w.Reload(t.Context(), sets[reloads%len(sets)]))
		slowest = max(slowest, time.Since(began))
		reloads++
		for range 2 { // the endpoint that serves is taken out, and then the one that took its place
			serving := w.Snapshot().Serving
			require.NoError(t, w.Cordon(serving))
			require.NotEqual(t, serving, w.Snapshot().Serving)
			answered := met.calls.Load() + loadCallers // its absence is felt
			require.Eventually(t, func() bool { return met.calls.Load() >= min(answered, loadCalls) }, 20*time.Second, time.Millisecond)
			require.NoError(t, w.Uncordon(serving))
			cordons++
		}
		select {
		case <-over:
			done = true
		default:
		}
	}
	require.Empty(t, met.failures)
	require.EqualValues(t, loadCalls, met.calls.Load())
	require.GreaterOrEqual(t, reloads, 2*len(sets), "each change was made more than once")
	require.Less(t, slowest, 2*time.Second, "a reload is in effect when it returns")
	t.Logf("%d calls at %.0f a second, %d of them votes of all; %d reloads, the slowest %v; %d cordons",
		met.calls.Load(), float64(loadCalls)/met.took.Seconds(), met.votes.Load(), reloads, slowest.Round(time.Millisecond), cordons)
}

// The goals for the death of an endpoint: how long until it is out of rotation, and how long until the answer to a call that
// was made meanwhile.
const (
	mostRotation = 10 * time.Second
	mostRecovery = 1500 * time.Millisecond
)

// With the times that an operator has, a death by silence is seen by the poll that has no answer; one by a broken line by
// the call that has none.
func TestADeadEndpointIsOutOfRotationAndItsCallsAreAnsweredByAnother(t *testing.T) {
	for name, death := range map[string]Faults{"silence": {Hang: true}, "a broken line": {Cut: true}} {
		for dying, transport := range []string{"WebSocket", "HTTP"} { // of the first two members
			t.Run(fmt.Sprintf("%s, %s", name, transport), func(t *testing.T) {
				t.Parallel()
				w, victim := newCrew(t, newChain(t, 300), dying, 2, 3, 4, 1-dying), endpointNames[dying]
				require.Eventually(t, func() bool {
					return w.Snapshot().Serving == victim && w.state(victim).Status == quorum.Healthy
				}, 20*time.Second, time.Millisecond)
				died := time.Now()
				_, err := w.rigs[dying].Set(t.Context(), death)
				require.NoError(t, err)
				slowest, calls := time.Duration(0), 0
				for w.state(victim).Status == quorum.Healthy || w.Snapshot().Serving == victim {
					began := time.Now()
					_, err := w.RedemptionLimits(t.Context())
					require.NoError(t, err)
					slowest = max(slowest, time.Since(began))
					require.Less(t, time.Since(died), mostRotation)
					calls++
				}
				out := time.Since(died)
				require.Positive(t, calls)
				require.Less(t, slowest, mostRecovery)
				require.Less(t, out, mostRotation)
				require.Equal(t, quorum.Unresponsive, w.state(victim).Status)
				t.Logf("out of rotation after %v; the slowest of %d calls meanwhile took %v", out.Round(time.Millisecond), calls, slowest.Round(time.Millisecond))
			})
		}
	}
}
