package quorum

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// requireUnbroken checks that every height from the first head delivered to the last one was delivered, once, with the
// true header.
func requireUnbroken(t *testing.T, heads []chain.Header, first, last chain.Height) {
	t.Helper()
	require.NotEmpty(t, heads)
	require.Equal(t, first, heads[0].Height)
	for i, h := range heads {
		require.Equal(t, trueHeader(first+chain.Height(i)), h)
	}
	require.Equal(t, last, heads[len(heads)-1].Height)
}

// A block that the endpoint which serves shows is agreed as soon as everybody was asked for it.
func TestANewBlockIsDeliveredOnceItIsAgreed(t *testing.T) {
	for name, c := range map[string]struct{ since, within time.Duration }{
		"at once":                      {1500 * time.Millisecond, 0},
		"a quarter of the interval":    {0, 1250 * time.Millisecond}, // everybody was polled just now
		"what is left of the quarter":  {time.Second, 250 * time.Millisecond},
		"with the interval's next one": {4400 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				time.Sleep(c.since) // since the first poll; the next is due in 4.5 s at the soonest
				r.truth.advance(1)
				synctest.Wait()
				if c.within > 0 {
					requireUnbroken(t, r.delivered(), 1000, 1000)
					time.Sleep(c.within)
					synctest.Wait()
				}
				requireUnbroken(t, r.delivered(), 1000, 1001)
			})
		})
	}
}

// Most endpoints have the block two seconds after the one that serves: the polls that its head asked for come too early.
func TestABlockThatMostHaveLaterIsAskedForAgain(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		time.Sleep(1500 * time.Millisecond)
		r.fall(ill{lag: 1}, "b", "c", "d", "e")
		r.truth.advance(1)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		requireUnbroken(t, r.delivered(), 1000, 1000)
		r.fall(ill{}, "b", "c", "d", "e")
		time.Sleep(time.Second) // the interval's next poll is due in 1.5 s
		synctest.Wait()
		requireUnbroken(t, r.delivered(), 1000, 1001)
	})
}

func TestASwitchLosesNoHeight(t *testing.T) {
	for name, c := range map[string]ill{
		"the stream is cut": {refuse: true}, "it hangs": {hang: true}, "it lags": {lag: 10}, "another chain": {chainID: 3},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				r.truth.live(2 * time.Minute)
				r.fall(c, "a")
				r.truth.live(2 * time.Minute)
				r.fall(ill{}, "a")
				r.fall(c, "b")
				r.truth.live(2 * time.Minute)
				time.Sleep(twoPolls) // the last block is asked for by a poll of its own, or by the next if one has just been
				require.NotZero(t, r.Snapshot().Switches)
				requireUnbroken(t, r.delivered(), 1000, 1030)
			})
		})
	}
}

func TestASwitchInTheMiddleOfABurstLosesNoHeight(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		for i := range 300 { // ten blocks a second, and every few seconds another endpoint dies
			r.truth.advance(1)
			if i%40 == 0 {
				r.fall(ill{}, "a", "b", "c", "d", "e")
				r.fall(ill{refuse: true}, r.Snapshot().Serving)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(twoPolls)
		require.NotZero(t, r.Snapshot().Switches)
		requireUnbroken(t, r.delivered(), 1000, 1300)
	})
}

func TestASilentSubscriptionDoesNotStopTheClock(t *testing.T) {
	in(t, 5, spoil(ill{mute: true}, "a"), func(t *testing.T, r *rig) {
		r.truth.live(10 * time.Minute)
		time.Sleep(6 * time.Second)
		require.Equal(t, "a", r.Snapshot().Serving)
		requireUnbroken(t, r.delivered(), 1000, 1050)
	})
}

func TestALyingEndpointCannotMoveTheClock(t *testing.T) {
	for name, lie := range map[string]ill{
		"30 million ahead": {ahead: 30_000_000}, "60 ahead": {ahead: 60}, "3 ahead": {ahead: 3}, "a fork": {fork: 990},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				r.fall(lie, "a")
				r.truth.live(5 * time.Minute)
				time.Sleep(6 * time.Second)
				tip, _ := r.truth.now()
				require.Empty(t, r.premature())
				require.NotEqual(t, "a", r.Snapshot().Serving)
				requireUnbroken(t, r.delivered(), 1000, tip)
			})
		})
	}
}

func TestALeapOfTheChainIsDeliveredWholly(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		time.Sleep(1500 * time.Millisecond) // since the last poll, which is more than a quarter of the interval
		polls := r.fakes[3].count("look")
		r.truth.advance(40) // at once, as after a pause of the chain
		synctest.Wait()
		require.Greater(t, r.fakes[3].count("look"), polls, "asked for at once")
		requireUnbroken(t, r.delivered(), 1000, 1040)
	})
}

func TestPollsAskedForAreAtLeastAQuarterOfTheIntervalApart(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.fall(ill{ahead: 60}, "a")
		for range 100 {
			r.truth.advance(1) // each is another head that nobody else has
			time.Sleep(50 * time.Millisecond)
		}
		require.LessOrEqual(t, r.fakes[3].count("look"), 1+5*4)
	})
}

func TestAReorganisationDeliversTheNewBranch(t *testing.T) {
	in(t, 5, spoil(ill{fork: 998}, "a", "b", "c", "d", "e"), func(t *testing.T, r *rig) {
		r.truth.live(time.Minute)
		r.fall(ill{}, "a", "b", "c", "d", "e")
		r.truth.advance(1)
		time.Sleep(6 * time.Second)
		heads := r.delivered()
		require.Len(t, heads, 6+7)
		require.Equal(t, branchHeader(1000, 998), heads[0])
		require.Equal(t, branchHeader(1005, 998), heads[5])
		requireUnbroken(t, heads[6:], 1000, 1006)
		header, err := r.Header(t.Context(), 999)
		require.NoError(t, err)
		require.Equal(t, trueHeader(999), header, "the ring followed")
	})
}

func TestWithoutQuorumHeadsFlow(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "c", "d", "e")
		time.Sleep(twoPolls)
		require.False(t, r.Snapshot().Quorum)
		r.truth.live(2 * time.Minute)
		r.fall(ill{refuse: true}, "a")
		r.truth.advance(5) // nobody shows these: b, which is about to serve, has to be told where a stopped
		synctest.Wait()
		r.truth.live(time.Minute)
		requireUnbroken(t, r.delivered(), 1000, 1020)

		r.fall(ill{}, "a", "c", "d", "e")
		r.truth.live(2 * time.Minute)
		time.Sleep(6 * time.Second)
		require.Equal(t, ModeQuorum, r.Snapshot().Mode, "it recovers by itself")
		requireUnbroken(t, r.delivered(), 1000, 1030)
	})
}

// A head that was no more than a hint when it was shown is delivered once there is nobody left to agree to it.
func TestAHeadShownAsTheQuorumEndsIsNotLost(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		time.Sleep(1500 * time.Millisecond) // more than a quarter of the interval
		r.fall(ill{hang: true}, "c", "d", "e")
		r.truth.advance(1)
		synctest.Wait()
		require.True(t, r.Snapshot().Quorum, "their polls have not failed yet")
		requireUnbroken(t, r.delivered(), 1000, 1000)
		time.Sleep(3 * time.Second)
		require.False(t, r.Snapshot().Quorum)
		requireUnbroken(t, r.delivered(), 1000, 1001)
	})
}

func TestTheClockComesBackFromAnAbsurdHeight(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b", "c", "d", "e")
		time.Sleep(twoPolls)
		r.fall(ill{ahead: 1_000_000}, "a")
		synctest.Wait()
		heads := r.delivered()
		require.EqualValues(t, 1_001_000, heads[len(heads)-1].Height, "nobody is there to contradict it")
		r.fall(ill{}, "b", "c", "d", "e")
		r.truth.live(time.Minute)
		time.Sleep(6 * time.Second)
		heads = r.delivered()
		require.Equal(t, trueHeader(1005), heads[len(heads)-1])
	})
}
