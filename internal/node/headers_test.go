package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
)

// slowHeaders takes a second for each answer and counts the questions.
type slowHeaders struct {
	chain *chaintest.Chain
	asked atomic.Int32
}

func (s *slowHeaders) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	s.asked.Add(1)
	select {
	case <-time.After(time.Second):
		return s.chain.Header(ctx, h)
	case <-ctx.Done():
		return chain.Header{}, ctx.Err()
	}
}

func newSharedHeaders(show chain.Height) (*chaintest.Chain, *slowHeaders, *sharedHeaders) {
	c := chaintest.New(0)
	clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
	c.Follow(clock)
	c.Show(show)
	source := &slowHeaders{chain: c}
	return c, source, &sharedHeaders{source: source, clock: clock}
}

func TestAThousandExecutorsReadTheSeedBlockOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source, shared := newSharedHeaders(900)
		want, err := c.Header(t.Context(), 868)
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				got, err := shared.Header(t.Context(), 868)
				require.NoError(t, err)
				require.Equal(t, want, got)
			})
		}
		all.Wait()
		require.EqualValues(t, 1, source.asked.Load())
	})
}

func TestANewHeadAsksAgainSoThatAReorganisationShows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source, shared := newSharedHeaders(900)
		before, err := shared.Header(t.Context(), 868)
		require.NoError(t, err)
		c.Fork(860)
		c.Show(901)
		after, err := shared.Header(t.Context(), 868)
		require.NoError(t, err)
		require.NotEqual(t, before, after)
		require.EqualValues(t, 2, source.asked.Load())
	})
}

// An endpoint's own deadline is an answer: who asks again for ever hides that the endpoints do not answer.
func TestAnEndpointsOwnDeadlineIsToldToAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, source, shared := newSharedHeaders(900)
		late := fmt.Errorf("%w: %w", chain.ErrNoQuorum, context.DeadlineExceeded)
		c.Fail(late)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				_, err := shared.Header(t.Context(), 868)
				require.ErrorIs(t, err, chain.ErrNoQuorum)
			})
		}
		all.Wait()
		require.EqualValues(t, 1, source.asked.Load())
	})
}

func TestAnErrorIsNotKeptAndWhoGivesUpGivesUpForItselfAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, shared := newSharedHeaders(900)
		c.Fail(errors.New("down"))
		_, err := shared.Header(t.Context(), 868)
		require.ErrorContains(t, err, "down")
		c.Fail(nil)

		impatient, cancel := context.WithCancel(t.Context())
		var first, second error
		var all sync.WaitGroup
		all.Go(func() { _, first = shared.Header(impatient, 868) })
		synctest.Wait() // the impatient one asks, the other waits for its answer
		all.Go(func() { _, second = shared.Header(t.Context(), 868) })
		synctest.Wait()
		cancel()
		all.Wait()
		require.ErrorIs(t, first, context.Canceled)
		require.NoError(t, second)
	})
}
