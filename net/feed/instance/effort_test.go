package instance_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed"
)

// alone has one instance run while play is played.
func alone(t *testing.T, keep uint64, play func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, t.Context(), "alpha")
		h.keep = keep
		h.start("alpha")
		play(t, h)
		h.kill("alpha")
	})
}

// Most of what a collection takes is the same for one epoch and for several. After a start the first one comes at once: a node that is restarted
// often collects, too.
func TestEpochsAreCollectedSeveralAtATime(t *testing.T) {
	alone(t, 2, func(t *testing.T, h *house) {
		for range 11 { // the seals of epochs 1 to 11
			h.turn()
		}
		require.Equal(t, []feed.Epoch{0, 4, 8}, h.base.collected)
		h.kill("alpha")
		h.start("alpha")
		h.turn()
		require.Equal(t, []feed.Epoch{0, 4, 8, 10}, h.base.collected)
	})
}

// Entries wake whoever waits for something new in the log. Who waits for seals alone need not ask the log then.
func TestNoSealIsLookedForWhereNoneIsNew(t *testing.T) {
	alone(t, 0, func(t *testing.T, h *house) {
		h.turn()
		before := h.base.looks
		for range 5 {
			h.tell("alpha", 3)
			h.rest()
		}
		require.Equal(t, before, h.base.looks)
	})
}

// What is told by itself is taken in after a tenth of a second. What goes on coming is gathered for longer, and is taken in within the second in which a
// signer is to have a proposal.
func TestWhatGoesOnComingIsGatheredForLonger(t *testing.T) {
	alone(t, 0, func(t *testing.T, h *house) {
		log := h.base.logs["alpha"]
		h.tell("alpha", 1)
		time.Sleep(110 * time.Millisecond)
		synctest.Wait()
		state, err := log.State(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, state.Last)
		h.rest()
		before := h.base.accepts
		for n := range 300 { // three seconds
			h.tell("alpha", 1)
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			state, err := log.State(t.Context())
			require.NoError(t, err)
			require.LessOrEqual(t, n-int(state.Last), 40, "longer than that nothing waits")
		}
		require.LessOrEqual(t, h.base.accepts-before, 12)
	})
}
