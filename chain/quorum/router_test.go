package quorum

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
)

func TestReadsAreServedByTheEndpointThatServes(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		for range 10 {
			_, err := r.RedemptionLimits(t.Context())
			require.NoError(t, err)
		}
		require.Equal(t, 10, r.fakes[0].count("read"))
		require.Zero(t, r.fakes[1].count("read"))
	})
}

func TestACallIsRecoveredWhenTheServingEndpointIsDead(t *testing.T) {
	for name, c := range map[string]struct {
		ill  ill
		dead []string
		most time.Duration
	}{
		"refused":            {ill{refuse: true}, []string{"a"}, 0},
		"a black hole":       {ill{hang: true}, []string{"a"}, hedgeFloor},
		"two black holes":    {ill{hang: true}, []string{"a", "b"}, 2 * hedgeFloor},
		"five seconds slow":  {ill{slow: 5 * time.Second}, []string{"a"}, hedgeFloor},
		"a little slow":      {ill{slow: 400 * time.Millisecond}, []string{"a"}, 400 * time.Millisecond},
		"four of five break": {ill{refuse: true}, []string{"a", "b", "c", "d"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				r.fall(c.ill, c.dead...)
				began := time.Now()
				_, err := r.PendingRedemptions(t.Context(), chain.WalletID{}, 0)
				require.NoError(t, err)
				require.Equal(t, c.most, time.Since(began))
				require.LessOrEqual(t, time.Since(began), 1500*time.Millisecond)
			})
		})
	}
}

// Others are asked beside a slow endpoint, and all of them fail: what the slow one says in the end is the answer, or one
// error among the others.
func TestASlowReadIsNotGivenUpBecauseAllOthersFail(t *testing.T) {
	for name, verdict := range map[string]error{
		"it answers":     nil,
		"it fails too":   &chain.EndpointError{Trouble: chain.TroubleServer, Err: errors.New("out of memory")},
		"it has no such": chain.ErrNotFound,
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 3, nil, func(t *testing.T, r *rig) {
				r.fall(ill{refuse: true}, "b", "c")
				began := time.Now()
				_, err := read(t.Context(), r.Pool, func(ctx context.Context, e Endpoint) (int, error) {
					if e != Endpoint(r.fakes[0]) {
						_, err := e.RedemptionLimits(ctx)
						return 0, err
					}
					require.NoError(t, pause.For(ctx, 2*time.Second))
					return 0, verdict
				})
				require.Equal(t, 2*time.Second, time.Since(began))
				require.ErrorIs(t, err, verdict)
				require.Equal(t, 1, r.fakes[2].count("read"))
				if !answered(verdict) {
					require.ErrorContains(t, err, "b: connection refused")
					require.ErrorContains(t, err, "a: out of memory")
				}
			})
		})
	}
}

// Nobody else is healthy. One that answers is better than one that does not.
func TestASlowReadAsksAnAilingEndpointWhereNoneIsHealthy(t *testing.T) {
	in(t, 5, spoil(ill{few: &Peers{Known: true}}, "b", "c", "d", "e"), func(t *testing.T, r *rig) {
		require.Equal(t, Isolated, r.endpoint("b").Reason)
		r.fall(ill{hang: true}, "a")
		began := time.Now()
		_, err := r.RedemptionLimits(t.Context())
		require.NoError(t, err)
		require.Equal(t, hedgeFloor, time.Since(began))
	})
}

func TestASlowPastDoesNotDelayTheHedgeForever(t *testing.T) {
	require.Equal(t, hedgeFloor, hedgeAfter(0))
	require.Equal(t, 700*time.Millisecond, hedgeAfter(700*time.Millisecond))
	require.Equal(t, hedgeCeiling, hedgeAfter(time.Minute))
}

func TestAReadThatAllRefuseNamesEach(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "a", "b", "c")
		_, err := r.WalletState(t.Context(), chain.WalletID{})
		require.ErrorContains(t, err, "a: connection refused")
		require.ErrorContains(t, err, "c: connection refused")
		var fault *chain.EndpointError
		require.ErrorAs(t, err, &fault)
	})
}

func TestACallerWhoGivesUpIsNoFaultOfAnEndpoint(t *testing.T) {
	in(t, 3, spoil(ill{slow: 300 * time.Millisecond}, "a"), func(t *testing.T, r *rig) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := r.RedemptionLimits(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(6 * time.Second)
		require.Zero(t, r.endpoint("a").Errors)
	})
}

func TestAnEndpointOfAnotherChainIsNeverAsked(t *testing.T) {
	in(t, 3, spoil(ill{chainID: 5}, "a"), func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b", "c")
		time.Sleep(twoPolls)
		_, err := r.RedemptionLimits(t.Context())
		require.Error(t, err)
		require.Zero(t, r.fakes[0].count("read"))
	})
}

func TestACallFailureAsksForAPoll(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "a")
		_, err := r.RedemptionLimits(t.Context())
		require.NoError(t, err)
		time.Sleep(1300 * time.Millisecond) // a quarter of the poll's interval
		synctest.Wait()
		require.Equal(t, Unresponsive, r.endpoint("a").Status)
	})
}

// Calls at 500 a second, while endpoints die, come back, are cordoned, and leave or join the configuration.
func TestNoCallFailsWhileEndpointsChange(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		var callers sync.WaitGroup
		defer callers.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		calls, failures := make(chan error, 1), make(chan []error, 1)
		go func() {
			var failed []error
			n := 0
			for err := range calls {
				if n++; err != nil {
					failed = append(failed, err)
				}
			}
			require.Greater(t, n, 50_000)
			failures <- failed
		}()
		for range 10 {
			callers.Go(func() {
				for pause.For(ctx, 20*time.Millisecond) == nil {
					_, err := r.RedemptionLimits(t.Context())
					calls <- err
					_, err = r.Header(t.Context(), 600)
					calls <- err
				}
			})
		}
		sets := [][]*fake{r.fakes, r.fakes[:3], r.fakes[2:]}
		for i := range 30 {
			require.NoError(t, r.Reload(t.Context(), members(reopened(sets[i%3])...)))
			time.Sleep(time.Second)
			serving := r.Snapshot().Serving
			require.NoError(t, r.Cordon(serving))
			time.Sleep(time.Second)
			require.NoError(t, r.Uncordon(serving))
			time.Sleep(time.Second)
		}
		cancel()
		callers.Wait()
		close(calls)
		require.Empty(t, <-failures)
	})
}

// reopened lets endpoints that were closed be opened again.
func reopened(fakes []*fake) []*fake {
	for _, f := range fakes {
		f.mu.Lock()
		f.closed = false
		f.mu.Unlock()
	}
	return fakes
}

func TestErrorsThatAreAnswers(t *testing.T) {
	require.True(t, answered(nil))
	require.True(t, answered(chain.ErrNotFound))
	require.True(t, answered(&chain.Refusal{}))
	require.False(t, answered(context.DeadlineExceeded))
	require.Equal(t, chain.TroubleServer, troubleOf(errors.New("anything")))
	require.Equal(t, chain.TroubleTimeout, troubleOf(context.DeadlineExceeded))
	require.Empty(t, troubleOf(nil))
}
