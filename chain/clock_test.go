package chain_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
)

func TestR8TheClockIsStaleWithoutANewBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, clock := chaintest.New(0), chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
		require.True(t, clock.Stale(), "before the first head")
		require.Zero(t, clock.Age())
		head := source.Show(100)
		require.True(t, clock.Observe(head))
		require.False(t, clock.Stale())
		require.EqualValues(t, 100, clock.First())

		time.Sleep(time.Minute)
		require.False(t, clock.Stale(), "at the limit")
		require.False(t, clock.Observe(head), "the same block again is no sign of life")
		time.Sleep(time.Second)
		require.True(t, clock.Stale())
		require.Equal(t, 61*time.Second, clock.Age())
		require.True(t, clock.Observe(source.Show(101)))
		require.False(t, clock.Stale())
		require.EqualValues(t, 100, clock.First())
	})
}

func TestR8TheHeadersOwnTimeCountsUnlessSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := chaintest.New(0) // block h has the time of the bubble's start plus 12 h seconds
		strict := chain.NewClock(chain.Freshness{MaxSilence: time.Minute, MaxHeaderAge: 2 * time.Minute}, 0)
		lax := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
		source.Follow(strict)
		source.Follow(lax)
		time.Sleep(time.Hour)
		source.Show(10)
		require.True(t, strict.Stale(), "an endpoint that replays old blocks is alive and useless")
		require.False(t, lax.Stale())
		source.Show(299)
		require.False(t, strict.Stale())
	})
}

func TestR8LapsesTellWhetherTheClockWasFreshThroughout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, clock := chaintest.New(0), chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
		source.Follow(clock)
		source.Show(1)
		for h := chain.Height(2); h < 100; h++ {
			time.Sleep(12 * time.Second)
			source.Show(h)
		}
		require.False(t, clock.LapsedAfter(1))
		time.Sleep(2 * time.Minute)
		require.True(t, clock.LapsedAfter(99), "while it is stale")
		source.Show(110)
		require.True(t, clock.LapsedAfter(99), "what happened between 99 and 110 was not seen as it happened")
		require.True(t, clock.LapsedAfter(109))
		require.False(t, clock.LapsedAfter(110), "from there on it was")
	})
}

func TestR8FreshnessHasAFloor(t *testing.T) {
	require.NoError(t, chain.Freshness{MaxSilence: 5 * time.Second}.Validate())
	require.Error(t, chain.Freshness{MaxSilence: 4 * time.Second}.Validate())
	require.Error(t, chain.Freshness{MaxSilence: time.Minute, MaxHeaderAge: -1}.Validate())
}

func TestR1TheClockFollowsAJumpOnlyWhenItIsConfirmed(t *testing.T) {
	head := func(h chain.Height) chain.Header { return chaintest.Foreign(h) }
	for name, c := range map[string]struct {
		floor   chain.Height
		heights []chain.Height
		want    chain.Height
	}{
		"the first head of a new node":          {0, []chain.Height{30_000_000}, 30_000_000},
		"a jump of ten thousand":                {0, []chain.Height{100, 10_100}, 10_100},
		"one block more":                        {0, []chain.Height{100, 10_101}, 100},
		"confirmed by the next observation":     {0, []chain.Height{100, 20_000, 20_001}, 20_001},
		"confirmed by the same block again":     {0, []chain.Height{100, 20_000, 20_000}, 20_000},
		"two different absurdities":             {0, []chain.Height{100, 20_000, 90_000}, 100},
		"contradicted by an ordinary block":     {0, []chain.Height{100, 20_000, 101, 20_001}, 101},
		"measured from an earlier run":          {5_000, []chain.Height{30_000}, 0},
		"measured from an earlier run, twice":   {5_000, []chain.Height{30_000, 30_001}, 30_001},
		"back, by a reorganisation":             {0, []chain.Height{100, 98}, 98},
		"a source behind what was seen earlier": {5_000, []chain.Height{4_000}, 4_000},
	} {
		t.Run(name, func(t *testing.T) {
			clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, c.floor)
			for _, h := range c.heights {
				clock.Observe(head(h))
			}
			require.Equal(t, c.want, clock.Height())
		})
	}
}

func TestBeforeTheFirstHeadTheEarlierRunsHeightIsKnown(t *testing.T) {
	clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 905)
	require.Zero(t, clock.Height())
	require.EqualValues(t, 905, clock.Known())
	clock.Observe(chaintest.Foreign(903))
	require.EqualValues(t, 903, clock.Known())
}

func TestUntilWaitsForAHeightOrTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, clock := chaintest.New(0), chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
		source.Follow(clock)
		ctx, cancel := context.WithCancel(t.Context())
		reached, given := make(chan error, 1), make(chan error, 1)
		go func() { reached <- clock.Until(ctx, 100) }()
		go func() { given <- clock.Until(ctx, 1000) }()
		source.Show(99)
		synctest.Wait()
		require.Empty(t, reached)
		source.Show(140) // skipped right over it
		require.NoError(t, <-reached)
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)
	})
}

func TestR4TheClockTellsWhichBlocksItDoesNotVouchFor(t *testing.T) {
	clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
	at := func(h chain.Height) chain.Header {
		return chain.Header{Height: h, Hash: chain.Hash{byte(h), byte(h >> 8)}}
	}
	require.True(t, clock.Observe(at(900)))
	require.False(t, clock.DoubtedAfter(0))
	require.True(t, clock.ObserveDoubtful(at(990)))
	require.True(t, clock.DoubtedAfter(900))
	require.False(t, clock.DoubtedAfter(990))
	require.True(t, clock.Observe(at(905)), "the quorum is back, and the head was a lie")
	require.True(t, clock.DoubtedAfter(900), "it was not there all the time")
	require.False(t, clock.DoubtedAfter(905), "from here on it is")
	require.False(t, clock.ObserveDoubtful(at(30_000)), "too far ahead to be followed")
	require.False(t, clock.DoubtedAfter(905), "so nothing rests on it")
}
