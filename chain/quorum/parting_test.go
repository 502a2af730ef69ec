package quorum

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

// told answers for single headers as an endpoint on a branch does.
type told struct {
	Endpoint
	branch
	top   chain.Height
	asked *int
}

func (e told) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	if e.asked != nil {
		*e.asked++
	}
	if h > e.top {
		return chain.Header{}, chain.ErrNotFound
	}
	return e.header(h), ctx.Err()
}

// judged is what is found of a view beside a ring.
func judged(v *View, ring *Ring) place {
	c, _ := ringChain(ring)
	return c.compare(v)
}

// traced polls an endpoint once, as the pool does, and returns its view and how many single headers were asked for.
func traced(v *View, b branch, head chain.Height, ring *Ring) (*View, int) {
	s, asked := b.sight(head, v.Ask()), 0
	linked := v.With(s, nil)
	if from, to, missing := linked.Missing(ring); missing {
		linked = v.With(s, b.headers(from, to))
	}
	return linked.Trace(context.Background(), told{branch: b, top: head, asked: &asked}, ring), asked
}

// TestTraceFindsTheForksDepth: with one batch of headers and at most eleven single ones.
func TestTraceFindsTheForksDepth(t *testing.T) {
	t.Parallel()
	ring := ringOf(20_000, 20_000+ringSize-1)
	top, _ := ring.Head()
	for depth := chain.Height(1); depth < ringSize; depth++ {
		v, asked := traced(nil, branch{id: 3, from: top.Height - depth}, top.Height, ring)
		require.LessOrEqual(t, asked, mostSought)
		if depth <= forkLinks+1 {
			require.Zero(t, asked, "the batch links it")
		}
		p := judged(v, ring)
		require.Equal(t, depth > 1, p.forked, "depth %d", depth)
		require.Equal(t, depth, p.depth)
		require.Zero(t, p.beyond)
	}
	v, asked := traced(nil, branch{id: 3, from: 10_000}, top.Height, ring)
	require.Equal(t, place{forked: true, beyond: ringSize - 1}, judged(v, ring))
	require.LessOrEqual(t, asked, mostSought)
}

// TestAForkIsSoughtOnce: its depth grows with its head, and nothing is asked for again; not even when the ring has moved
// above it.
func TestAForkIsSoughtOnce(t *testing.T) {
	t.Parallel()
	b := branch{id: 3, from: 1900}
	v, _ := traced(nil, b, 2000, ringOf(1000, 2000))
	for head := chain.Height(2001); head < 3000; head++ {
		lowest := max(1000, head-ringSize+1)
		ring := ringOf(lowest, head)
		var asked int
		v, asked = traced(v, b, head, ring)
		require.Zero(t, asked, "head %d", head)
		p := judged(v, ring)
		require.True(t, p.forked)
		if lowest <= b.from {
			require.Equal(t, head-b.from, p.depth, "head %d", head)
		} else {
			require.Zero(t, p.depth)
			require.Equal(t, head-b.from-1, p.beyond)
		}
	}
	v, asked := traced(v, right, 3000, ringOf(2500, 3000))
	require.Zero(t, asked)
	require.Equal(t, place{met: true}, judged(v, ringOf(2500, 3000)), "it is well again")
}

// TestTheRingGrowsDownwards, as it does after a start: what was beyond it is sought then.
func TestTheRingGrowsDownwards(t *testing.T) {
	t.Parallel()
	b := branch{id: 3, from: 900}
	v, _ := traced(nil, b, 1000, ringOf(996, 1000))
	require.EqualValues(t, 4, judged(v, ringOf(996, 1000)).beyond)
	v, asked := traced(v, b, 1000, ringOf(744, 1000))
	require.EqualValues(t, 100, judged(v, ringOf(744, 1000)).depth)
	require.LessOrEqual(t, asked, 9)
}

// TestAnotherForkIsSoughtAnew: what was told of one is forgotten with it.
func TestAnotherForkIsSoughtAnew(t *testing.T) {
	t.Parallel()
	ring := ringOf(500, 1000)
	v, _ := traced(nil, branch{id: 3, from: 900}, 1000, ring)
	for id, from := range map[uint64]chain.Height{4: 600, 5: 980, 6: 900} {
		v, asked := traced(v, branch{id: id, from: from}, 1000, ring)
		require.Positive(t, asked)
		require.Equal(t, 1000-from, judged(v, ring).depth)
	}
}

// TestATraceThatIsCutOffGoesOn with the next poll.
func TestATraceThatIsCutOffGoesOn(t *testing.T) {
	t.Parallel()
	ring, b := ringOf(0, 1000), branch{id: 3, from: 317}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	v := (*View)(nil).With(b.sight(1000, Ask{}), b.headers(990, 999))
	require.Equal(t, v, v.Trace(ended, told{branch: b, top: 1000}, ring), "nobody answered")
	polls := 0
	for ; judged(v, ring).depth == 0; polls++ {
		h, wanted := v.seek(ring)
		require.True(t, wanted)
		v = v.sought(ring, b.header(h))
		v = v.With(b.sight(1000, v.Ask()), nil)
		require.LessOrEqual(t, polls, mostSought)
	}
	require.EqualValues(t, 1000-317, judged(v, ring).depth)
}

// liar answers for single headers as it likes.
type liar struct {
	Endpoint
	tell  func(chain.Height) chain.Header
	asked int
}

func (l *liar) Header(_ context.Context, h chain.Height) (chain.Header, error) {
	l.asked++
	return l.tell(h), nil
}

// TestALiarSaysWhatItLikesOfItselfAlone: it is forked whatever it tells, it is not asked without end, and neither the
// agreed head nor anybody else's finding moves.
func TestALiarSaysWhatItLikesOfItselfAlone(t *testing.T) {
	t.Parallel()
	other := branch{id: 8, from: 0}
	for name, tell := range map[string]func(chain.Height) chain.Header{
		"all are the agreed ones":       right.header,
		"none are":                      other.header,
		"every other":                   func(h chain.Height) chain.Header { return []branch{right, other}[h%2].header(h) },
		"another branch at each height": func(h chain.Height) chain.Header { return branch{id: uint64(h)}.header(h) },
		"other heights":                 func(h chain.Height) chain.Header { return right.header(h + 1) },
		"nothing":                       func(chain.Height) chain.Header { return chain.Header{} },
		"children of agreed blocks": func(h chain.Height) chain.Header {
			header := other.header(h)
			header.Parent = right.hash(h - 1)
			return header
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := panel()
			table.Rows[0].follow(deep, 1000, 12)
			l := &liar{tell: tell}
			table.Rows[0].View = table.Rows[0].View.Trace(t.Context(), l, table.Ring)
			require.LessOrEqual(t, l.asked, mostSought)
			got := Classify(table)
			require.Equal(t, Forked, got.Findings[0].Reason)
			require.False(t, got.Findings[0].Depth > 0 && got.Findings[0].Beyond > 0)
			require.LessOrEqual(t, max(got.Findings[0].Depth, got.Findings[0].Beyond), chain.Height(1000))
			require.Equal(t, right.header(1000), got.Agreed)
			require.Equal(t, 4, got.Votes)
			for _, f := range got.Findings[1:] {
				require.Equal(t, Finding{Status: Healthy, Reason: OK}, f)
			}
		})
	}
}

// metered is a fake behind the rate that is configured for it, which polls are counted against and all else waits for, as
// with the real client; with bursts of a second's worth.
type metered struct {
	*fake
	rate *rate.Limiter
}

func (m metered) spend(n int) { m.rate.ReserveN(time.Now(), n) }

func (m metered) Look(ctx context.Context, ask Ask) (Sight, error) {
	m.spend(pollRequests)
	return m.fake.Look(ctx, ask)
}

func (m metered) Headers(ctx context.Context, from, to chain.Height) ([]chain.Header, error) {
	m.spend(min(int(to-from+1), m.rate.Burst()))
	return m.fake.Headers(ctx, from, to)
}

func (m metered) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	if err := m.rate.Wait(ctx); err != nil {
		return chain.Header{}, fmt.Errorf("%w: %w", chain.ErrThrottled, err)
	}
	return m.fake.Header(ctx, h)
}

func (m metered) Room(ctx context.Context, n int) (int, error) {
	n = min(n, m.rate.Burst())
	for m.rate.Tokens() < float64(n) {
		if pause.For(ctx, time.Second/time.Duration(m.rate.Limit())) != nil {
			return 0, ctx.Err()
		}
	}
	return n, nil
}

// TestAForkIsNamedWithItsDepthWithinTwoPolls at the default rate of 25 requests a second, however deep it is and however
// long the endpoint takes for an answer.
func TestAForkIsNamedWithItsDepthWithinTwoPolls(t *testing.T) {
	const perSecond = 25
	for _, answersIn := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond} {
		for _, depth := range []chain.Height{2, 5, 12, 60, 255, 1000, 1100} {
			t.Run(fmt.Sprintf("%d blocks, answers in %v", depth, answersIn), func(t *testing.T) {
				in(t, 5, func(r *rig, c *Config) {
					for i, f := range r.fakes {
						m := metered{f, rate.NewLimiter(perSecond, perSecond)}
						c.Members[i].Open = func() (Endpoint, error) { return m, nil }
					}
				}, func(t *testing.T, r *rig) {
					for len(r.state.Load().ring.headers) < ringSize {
						r.truth.advance(8)
						time.Sleep(5 * time.Second)
					}
					tip, _ := r.truth.now()
					before := r.fakes[0].count("look")
					r.fall(ill{fork: tip + 1 - depth, slow: answersIn}, "a")
					polls := 0
					for !strings.HasSuffix(r.endpoint("a").Detail, " ago") {
						time.Sleep(10 * time.Millisecond)
						polls = r.fakes[0].count("look") - before
						require.LessOrEqual(t, polls, 2, r.endpoint("a").Detail)
					}
					require.Equal(t, Forked, r.endpoint("a").Reason)
					t.Logf("%q after %d polls and %d single headers", r.endpoint("a").Detail, polls, r.fakes[0].count("header"))
					if depth < ringSize {
						require.Equal(t, depth, r.endpoint("a").Depth)
					} else {
						require.Zero(t, r.endpoint("a").Depth)
						require.Equal(t, "left the agreed chain more than 1023 blocks ago", r.endpoint("a").Detail)
					}
				})
			})
		}
	}
}
