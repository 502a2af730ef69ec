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
// times are in the proportion that an operator's have. The first of the members it begins with is the primary.
type crew struct {
	*quorum.Pool
	rigs    []*Proxy
	polls   []*polls
	members []quorum.Member
}

// usual is the time between two polls that an operator has.
const usual = 5 * time.Second

func newCrew(t testing.TB, c *localchain.Chain, every time.Duration, of ...int) *crew {
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
		seen := &polls{every: every}
		w.rigs, w.polls = append(w.rigs, p), append(w.polls, seen)
		w.members = append(w.members, quorum.Member{
			Name: name, Group: name, Key: name,
			Open: func() (quorum.Endpoint, error) {
				client, err := ethereum.Open(ethereum.Config{
					URL: url, PollInterval: every / 5, CallTimeout: max(10*time.Second, 2*every), Bridge: c.Bridge(), Validator: c.Validator(),
				}, log)
				return polled{client, seen}, err
			},
		})
	}
	var err error
	w.Pool, err = quorum.New(t.Context(), quorum.Config{
		Members: w.set(of...), ChainID: localchain.ChainID, PollEvery: every, Deadline: every * 2 / 5, PeersEvery: 6 * every,
	}, log)
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

// reloading is what a pool went through while calls were made.
type reloading struct {
	load
	reloads, cordons int
	slowest          time.Duration // reload, in effect when it returns
}

// goThrough makes all calls while the set is reloaded and who serves is cordoned, and complains about what failed.
func goThrough(t testing.TB, every time.Duration) (met *reloading, complaint string) {
	t.Helper()
	met = new(reloading)
	w := newCrew(t, newChain(t, 300), every, 0, 1, 2, 3, 4)
	sets := [][]quorum.Member{w.set(1, 2, 3), w.set(4, 0, 1), w.set(2, 3, 4, 0), w.set(0, 1, 2, 3, 4)}
	ctx, end := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		met.run(ctx, w)
	}()
	defer func() {
		end()
		<-over
	}()
	for {
		began := time.Now()
		if err := w.Reload(ctx, sets[met.reloads%len(sets)]); err != nil {
			return met, "reload: " + err.Error()
		}
		met.slowest = max(met.slowest, time.Since(began))
		met.reloads++
		for range 2 { // the endpoint that serves is taken out, and then the one that took its place
			serving := w.Snapshot().Serving
			if err := w.Cordon(serving); err != nil {
				return met, "cordon " + serving + ": " + err.Error()
			}
			require.NotEqual(t, serving, w.Snapshot().Serving)
			answered := met.calls.Load() + loadCallers // its absence is felt
			require.Eventually(t, func() bool { return met.calls.Load() >= min(answered, loadCalls) }, hopeless, time.Millisecond)
			require.NoError(t, w.Uncordon(serving))
			met.cordons++
		}
		select {
		case <-over:
			require.EqualValues(t, loadCalls, met.calls.Load())
			require.GreaterOrEqual(t, met.reloads, 2*len(sets), "each change was made more than once")
			if len(met.failures) > 0 {
				return met, fmt.Sprintf("%d calls failed: %v", len(met.failures), met.failures[0])
			}
			return met, ""
		default:
		}
	}
}

// Clients, sockets and time are real here; the pool's own tests do the same with a virtual clock.
func TestNoCallFailsWhileTheEndpointsAreReloadedAndCordoned(t *testing.T) {
	patiently(t, usual, func(t *testing.T, every time.Duration) string {
		met, complaint := goThrough(t, every)
		t.Logf("%d calls, %d of them votes of all; %d reloads, %d cordons", met.calls.Load(), met.votes.Load(), met.reloads, met.cordons)
		return complaint
	})
}

// BenchmarkReloading shows what callers and the operator wait for meanwhile, on a machine with nothing else to do.
func BenchmarkReloading(b *testing.B) {
	if testing.Short() {
		b.Skip("figures of a quiet machine")
	}
	for b.Loop() {
		met, complaint := goThrough(b, usual)
		require.Empty(b, complaint)
		b.ReportMetric(loadCalls/met.took.Seconds(), "calls/s")
		b.ReportMetric(float64(met.reloads), "reloads")
		b.ReportMetric(float64(met.cordons), "cordons")
		b.ReportMetric(float64(met.slowest.Milliseconds()), "ms/slowest-reload")
	}
}

// passing is how a pool takes the death of the endpoint that serves.
type passing struct {
	out     time.Duration // until it is out of rotation
	polls   int           // of it, until then
	calls   int           // made meanwhile, by one caller
	slowest time.Duration // of them
	// hedged says that a call met with the dead one while nobody knew that it was dead, and had its answer from another.
	hedged bool
}

// dies has the endpoint that serves die, and complains about calls that fail.
func dies(t testing.TB, every time.Duration, dying int, death Faults) (p passing, complaint string) {
	t.Helper()
	w, victim := newCrew(t, newChain(t, 300), every, dying, 2, 3, 4, 1-dying), endpointNames[dying]
	serves := func() bool { return w.Snapshot().Serving == victim && w.state(victim).Status == quorum.Healthy }
	require.Eventually(t, serves, hopeless, time.Millisecond)
	died := time.Now()
	_, err := w.rigs[dying].Set(t.Context(), death)
	require.NoError(t, err)
	for w.state(victim).Status == quorum.Healthy || w.Snapshot().Serving == victim {
		began := time.Now()
		if _, err := w.RedemptionLimits(t.Context()); err != nil {
			return p, err.Error()
		}
		p.slowest = max(p.slowest, time.Since(began))
		p.hedged = p.hedged || serves()
		p.calls++
		if since := time.Since(died); since > patience*every {
			return p, fmt.Sprintf("still in rotation after %v", since)
		}
	}
	p.out = time.Since(died)
	p.polls = w.polls[dying].between(died, time.Now())
	if status := w.state(victim).Status; status != quorum.Unresponsive {
		return p, fmt.Sprintf("it is said to be %s", status)
	}
	return p, ""
}

// deaths are how an endpoint dies. A death by silence is seen by the poll that has no answer; one by a broken line by the call that has none.
var deaths = map[string]Faults{"silence": {Hang: true}, "a broken line": {Cut: true}}

// The pool's own tests hold the goals of 10 s and 1.5 s to a virtual clock. Here the clock is the machine's, which may be busy, and what
// is counted is polls.
func TestADeadEndpointIsOutOfRotationAndItsCallsAreAnsweredByAnother(t *testing.T) {
	for name, death := range deaths {
		for dying, transport := range []string{"WebSocket", "HTTP"} { // of the first two members
			t.Run(fmt.Sprintf("%s, %s", name, transport), func(t *testing.T) {
				t.Parallel()
				patiently(t, usual/2, func(t *testing.T, every time.Duration) string {
					p, complaint := dies(t, every, dying, death)
					switch {
					case complaint != "":
						return complaint
					case p.polls > mostPolls:
						return fmt.Sprintf("out of rotation after %d polls", p.polls)
					case death.Hang && !p.hedged:
						return "no call was answered by another while it served"
					}
					t.Logf("out of rotation after %d polls, %v; %d calls meanwhile", p.polls, p.out.Round(time.Millisecond), p.calls)
					return ""
				})
			})
		}
	}
}

// BenchmarkADeadEndpoint shows for how long it is in rotation with the times that an operator has, and how long the slowest call takes
// meanwhile, on a machine with nothing else to do.
func BenchmarkADeadEndpoint(b *testing.B) {
	if testing.Short() {
		b.Skip("figures of a quiet machine")
	}
	for name, death := range deaths {
		for dying, transport := range []string{"WebSocket", "HTTP"} {
			b.Run(name+"/"+transport, func(b *testing.B) {
				for b.Loop() {
					p, complaint := dies(b, usual, dying, death)
					require.Empty(b, complaint)
					b.ReportMetric(float64(p.out.Milliseconds()), "ms/out")
					b.ReportMetric(float64(p.slowest.Milliseconds()), "ms/slowest-call")
				}
			})
		}
	}
}
