package quorum

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestABaselineIsThereBeforeThePoolIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTruth(1000)
		fakes := []*fake{newFake(w, "a"), newFake(w, "b"), newFake(w, "c")}
		fakes[0].fall(ill{hang: true})
		began := time.Now()
		p, err := New(t.Context(), Config{Members: members(fakes...), ChainID: truthChain}, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		defer p.Close()
		require.Equal(t, 2*time.Second, time.Since(began), "the deadline, for all of them at once")
		s := p.Snapshot()
		require.True(t, s.Quorum)
		require.Equal(t, trueHeader(1000), s.Agreed)
		require.Equal(t, Unresponsive, s.Endpoints[0].Status)
		require.Equal(t, "b", s.Serving)
		require.Equal(t, ModeDegradedSingle, s.Mode, "two of three")
	})
}

func TestPoolOfHealthyEndpoints(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		r.truth.live(time.Minute)
		time.Sleep(6 * time.Second)
		s := r.Snapshot()
		require.Equal(t, ModeQuorum, s.Mode)
		require.Equal(t, trueHeader(1005), s.Agreed)
		require.Equal(t, "a", s.Serving)
		require.Zero(t, s.Switches)
		for _, e := range s.Endpoints {
			require.Equal(t, Healthy, e.Status, e.Name)
			require.True(t, e.Votes)
			changes, ok := r.History(e.Name)
			require.True(t, ok)
			require.Len(t, changes, 1)
		}
	})
}

func TestTheRingReachesBelowTheFirstAgreedHead(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		for h := chain.Height(744); h <= 1000; h++ {
			header, err := r.Header(t.Context(), h)
			require.NoError(t, err)
			require.Equal(t, trueHeader(h), header)
		}
		require.Zero(t, r.fakes[0].count("header"), "none was asked for: all are in the ring")
		r.truth.advance(100)
		time.Sleep(6 * time.Second)
		header, err := r.Header(t.Context(), 1050)
		require.NoError(t, err)
		require.Equal(t, trueHeader(1050), header)
		require.Zero(t, r.fakes[0].count("header"))
	})
}

func TestTheRingTakesNoHeaderOnOneEndpointsWord(t *testing.T) {
	in(t, 5, spoil(ill{lie: 850}, "a", "b"), func(t *testing.T, r *rig) {
		require.Equal(t, "a", r.Snapshot().Serving, "nothing else is wrong with it")
		require.NotZero(t, r.fakes[0].count("headers"))
		for h := chain.Height(744); h <= 1000; h++ {
			header, err := r.Header(t.Context(), h)
			require.NoError(t, err)
			require.Equal(t, trueHeader(h), header)
		}
		require.Zero(t, r.fakes[2].count("header"), "what a does not have c does")
	})
}

func TestAGapBelowTheRingsReachBeginsANewOne(t *testing.T) {
	in(t, 3, nil, func(t *testing.T, r *rig) {
		r.truth.advance(5000)
		time.Sleep(10 * time.Second)
		header, err := r.Header(t.Context(), 5744)
		require.NoError(t, err)
		require.Equal(t, trueHeader(5744), header)
		require.Zero(t, r.fakes[0].count("header"))
		heads := r.delivered()
		require.Equal(t, trueHeader(6000), heads[len(heads)-1])
		require.LessOrEqual(t, len(heads), 1+trailSize)
	})
}

func TestTheLogHasALineWhenSomethingChanges(t *testing.T) {
	in(t, 5, nil, func(t *testing.T, r *rig) {
		require.Equal(t, 5, r.log.count("Chain endpoint is healthy"))
		require.Equal(t, 1, r.log.count("Chain endpoints agree"))
		r.fall(ill{refuse: true}, "c")
		time.Sleep(10 * time.Minute)
		require.Equal(t, 1, r.log.count("Chain endpoint is not used", `"endpoint":"c"`, `"reason":"refused"`, "connection refused"))
		r.fall(ill{refuse: true}, "a", "b")
		time.Sleep(10 * time.Minute)
		require.Equal(t, 3, r.log.count("Chain endpoint is not used"))
		require.Equal(t, 1, r.log.count(`"level":"ERROR"`, "Fewer than three chain endpoints are usable"))
		require.Equal(t, 1, r.log.count(`"level":"ERROR"`, "Heads are not corroborated"))
		require.Equal(t, 2, r.log.count("ERROR"))
	})
}
