package quorum

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// twoPolls is how long two polls take at most, with their jitter, and an answer at the deadline.
const twoPolls = 13 * time.Second

func TestEachIllGetsItsReasonWithinTwoPolls(t *testing.T) {
	for name, c := range map[string]struct {
		ill    ill
		status Status
		reason Reason
	}{
		"a black hole":           {ill{hang: true}, Unresponsive, Timeout},
		"nobody there":           {ill{refuse: true}, Unresponsive, Refused},
		"three behind":           {ill{lag: 3}, Unhealthy, LaggingSameChain},
		"two behind, twice":      {ill{lag: 2}, Unhealthy, LaggingSameChain},
		"one behind":             {ill{lag: 1}, Healthy, OK},
		"a fork 7 deep":          {ill{fork: 994}, Unhealthy, Forked},
		"30 million ahead":       {ill{ahead: 30_000_000}, Unhealthy, AheadUncorroborated},
		"60 ahead":               {ill{ahead: 60}, Unhealthy, AheadUncorroborated},
		"another chain":          {ill{chainID: 5}, Unhealthy, WrongChain},
		"slow":                   {ill{slow: 1500 * time.Millisecond}, Unhealthy, Slow},
		"a peer count too small": {ill{few: &Peers{Known: true, Count: 1}}, Unhealthy, Isolated},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				if c.ill.few != nil {
					time.Sleep(20 * time.Second) // peers are asked every 30 s
				}
				r.fall(c.ill, "a")
				time.Sleep(twoPolls)
				if c.ill.few != nil {
					time.Sleep(twoPolls)
				}
				a := r.endpoint("a")
				require.Equal(t, c.status, a.Status, a.Reason)
				require.Equal(t, c.reason, a.Reason)
				if c.reason == Forked {
					require.EqualValues(t, 7, a.Depth)
				}
				s := r.Snapshot()
				require.Equal(t, ModeQuorum, s.Mode)
				require.Equal(t, trueHeader(1000), s.Agreed)
				for _, honest := range s.Endpoints[1:] {
					require.Equal(t, Healthy, honest.Status, honest.Name)
				}
				if c.status == Healthy {
					require.Equal(t, "a", s.Serving)
				} else {
					require.Equal(t, "b", s.Serving)
				}
			})
		})
	}
}

func TestADeadEndpointIsOutOfRotationWithinTenSeconds(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		for range 20 {
			r.fall(ill{hang: true}, "a")
			began := time.Now()
			for r.Snapshot().Serving == "a" {
				time.Sleep(100 * time.Millisecond)
				require.LessOrEqual(t, time.Since(began), 10*time.Second)
			}
			r.fall(ill{}, "a")
			time.Sleep(2 * time.Minute)
			require.Equal(t, "a", r.Snapshot().Serving, "the preferred one is back")
			time.Sleep(relapseMemory)
		}
	})
}

func TestFlappingDoesNotPingPong(t *testing.T) {
	for name, c := range map[string]struct {
		who        []string // by turns
		ill, well  time.Duration
		most, fair uint64 // switches, in all and in the last half
		free       bool   // health forces more than one a minute
	}{
		"one, well for long enough to be healthy again": {[]string{"a"}, 10 * time.Second, 30 * time.Second, 4, 2, false},
		"one, just healthy again":                       {[]string{"a"}, 7 * time.Second, 19 * time.Second, 4, 2, false},
		"two of five by turns":                          {[]string{"a", "b"}, 7 * time.Second, 16 * time.Second, 4, 2, false},
		"all of five by turns":                          {[]string{"a", "b", "c", "d", "e"}, 7 * time.Second, 16 * time.Second, 60, 30, true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				began := time.Now()
				half := uint64(0)
				for i := range 60 {
					who := c.who[i%len(c.who)]
					r.fall(ill{refuse: true}, who)
					time.Sleep(c.ill)
					require.NotEqual(t, who, r.Snapshot().Serving, "who is ill is left at once")
					r.fall(ill{}, who)
					time.Sleep(c.well)
					minutes := uint64(time.Since(began) / time.Minute)
					if !c.free {
						require.LessOrEqual(t, r.Snapshot().Switches, minutes+2, "round %d: one a minute, one that was due, one forced", i)
					}
					if i == 29 {
						half = r.Snapshot().Switches
					}
				}
				require.LessOrEqual(t, r.Snapshot().Switches, c.most)
				require.LessOrEqual(t, r.Snapshot().Switches-half, c.fair)
				t.Log(r.Snapshot().Switches, "switches in", time.Since(began))
				time.Sleep(relapseMemory)
				require.Equal(t, "a", r.Snapshot().Serving, "the preferred one is back in the end")
				changes, _ := r.History("a")
				require.LessOrEqual(t, len(changes), maxHistory)
			})
		})
	}
}

func TestAnEndpointThatReturnsNeedsThreeCleanPolls(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.fall(ill{refuse: true}, "b")
		time.Sleep(6 * time.Second)
		require.Equal(t, Unresponsive, r.endpoint("b").Status)
		r.fall(ill{}, "b")
		time.Sleep(6 * time.Second)
		require.Equal(t, Recovering, r.endpoint("b").Reason)
		time.Sleep(12 * time.Second)
		require.Equal(t, Healthy, r.endpoint("b").Status)
	})
}

func TestHistoryIsBounded(t *testing.T) {
	l := newLink("", nil)
	for i := range 3 * maxHistory {
		l.record(Change{At: time.Unix(int64(i), 0)})
	}
	require.Len(t, l.history(), maxHistory)
	require.Equal(t, time.Unix(3*maxHistory-1, 0), l.history()[maxHistory-1].At)
}

func TestModes(t *testing.T) {
	for name, c := range map[string]struct {
		endpoints int
		dead      []string
		mode      Mode
		serving   string
	}{
		"all":                         {5, nil, ModeQuorum, "a"},
		"a minority down":             {5, []string{"a", "d"}, ModeQuorum, "b"},
		"a majority down":             {5, []string{"a", "c", "d"}, ModeDegradedSingle, "b"},
		"all down":                    {3, []string{"a", "b", "c"}, ModeDegradedSingle, "a"},
		"two of three: reads degrade": {3, []string{"b"}, ModeDegradedSingle, "a"},
		"the primary of three down":   {3, []string{"a"}, ModeDegradedSingle, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, c.endpoints, nil, func(t *testing.T, r *rig) {
				r.fall(ill{refuse: true}, c.dead...)
				time.Sleep(twoPolls)
				s := r.Snapshot()
				require.Equal(t, c.mode, s.Mode)
				require.Equal(t, c.serving, s.Serving)
				require.Equal(t, 2*len(c.dead) < c.endpoints, s.Quorum)
				require.Equal(t, trueHeader(1000), s.Agreed, "the last agreed head stays")
			})
		})
	}
}

func TestAnEvenSplitIsNoQuorum(t *testing.T) {
	in(t, 4, spoil(ill{fork: 900}, "c", "d"), func(t *testing.T, r *rig) {
		r.truth.live(30 * time.Second)
		s := r.Snapshot()
		require.False(t, s.Quorum)
		require.Equal(t, ModeNoQuorum, s.Mode)
		_, err := r.Header(t.Context(), 950)
		require.ErrorIs(t, err, chain.ErrNoQuorum)
		require.ErrorContains(t, err, "2 of 4")
		header, err := r.Header(t.Context(), 899)
		require.NoError(t, err, "before they parted they agree")
		require.Equal(t, trueHeader(899), header)
	})
}

func TestAForkedPrimaryDoesNotSetTheBaseline(t *testing.T) {
	in(t, 3, spoil(ill{fork: 990}, "a"), func(t *testing.T, r *rig) {
		s := r.Snapshot()
		require.Equal(t, trueHeader(1000), s.Agreed)
		require.Equal(t, "b", s.Serving)
		time.Sleep(twoPolls)
		require.Equal(t, Forked, r.endpoint("a").Reason)
		require.EqualValues(t, 11, r.endpoint("a").Depth)
	})
}

func TestAChainQuickerThanThePollsMakesNobodyIll(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		for range 600 { // ten blocks a second, fifty between two polls
			time.Sleep(100 * time.Millisecond)
			r.truth.advance(1)
		}
		s := r.Snapshot()
		require.Equal(t, ModeQuorum, s.Mode)
		require.Zero(t, s.Switches)
		for _, e := range s.Endpoints {
			changes, _ := r.History(e.Name)
			require.LessOrEqual(t, len(changes), 1, changes)
		}
		time.Sleep(6 * time.Second)
		requireUnbroken(t, r.delivered(), 1000, 1600)
	})
}

// A reorganisation reaches endpoints one after another, and shows at each of them as a fork until the majority has it, or
// from when the majority has it. In whatever order that is, nobody is called forked.
func TestAReorganisationMakesNobodyIll(t *testing.T) {
	for _, depth := range []chain.Height{2, 3, 7} {
		for round := range 40 {
			in(t, 5, nil, func(t *testing.T, r *rig) {
				names := []string{"a", "b", "c", "d", "e"}
				rng := rand.New(rand.NewPCG(uint64(depth), uint64(round)))
				rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Second))))
				r.truth.advance(1)
				time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Second))))
				for _, name := range names { // they take over a branch that left theirs so many blocks ago
					r.fall(ill{fork: 1002 - depth, ahead: 1}, name)
					time.Sleep(time.Duration(rng.Int64N(int64(900 * time.Millisecond))))
				}
				time.Sleep(20 * time.Second)
				s := r.Snapshot()
				require.Equal(t, branchHeader(1002, 1002-depth), s.Agreed)
				require.Zero(t, s.Switches)
				for _, e := range s.Endpoints {
					changes, _ := r.History(e.Name)
					require.Len(t, changes, 1, "%s, in the order %v: %v", e.Name, names, changes)
				}
			})
		}
	}
}
