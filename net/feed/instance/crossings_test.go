package instance_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/net/feed/instance"
)

// A mailbox that came from another instance goes on after a restart, also if it takes long to read where the log stands: until then it is
// not known that the mailbox has moved in already.
func TestAMailboxThatCameGoesOnAfterARestart(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 5)
		h.rest()
		h.move("all", "beta")
		for range 3 {
			h.turn()
		}
		h.base.set(instance.Pace/2, false)
		h.kill("beta")
		h.tell("alpha", 5)
		h.turn() // so that its next epoch begins as soon as it is back
		h.start("beta")
		for range 6 {
			h.turn()
		}
		h.tell("alpha", 5)
		h.tell("beta", 5)
		h.turn()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
	})
}

// An instance that is gone before it has taken what was given to it is passed over: whoever has the mailbox then says that it is from
// the one before. A subscriber of that one crosses once, and not at all if the mailbox is there again.
func TestAnInstanceThatTookNothingIsPassedOver(t *testing.T) {
	for to, crossed := range map[string]int{"gamma": 1, "alpha": 0} {
		for _, began := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, t.Context(), names...)
				for _, n := range names {
					h.start(n)
				}
				all := h.subscriber("all")
				h.tell("alpha", 10)
				h.turn()
				h.move("all", "beta")
				h.rest()
				h.kill("beta") // which has said that it is ready
				h.turn()
				moves, _ := h.runs["alpha"].session.Moves(t.Context(), "all")
				require.Len(t, moves, 1)
				require.False(t, moves[0].Taken)
				h.move("all", to)
				h.tell("gamma", 5)
				h.turn()
				if began {
					all.read()
				}
				h.turn()
				h.tell("alpha", 5)
				h.start("beta") // it has it no more, and never took it
				h.turn()
				h.turn()
				all.read()
				all.wantAll(0, 1, 2, 3)
				require.Equal(t, crossed, all.moves)
				home, _ := h.runs["alpha"].session.Homes(t.Context())
				require.Equal(t, to, home["all"])
				newcomer := h.subscriber("all")
				newcomer.read()
				newcomer.wantAll(0, 1, 2, 3)
				h.move("all", "beta") // and it goes on from there as any other
				for range 3 {
					h.turn()
				}
				h.tell("beta", 5)
				h.turn()
				for _, s := range []*subscriber{all, newcomer} {
					s.read()
					s.wantAll(0, 1, 2, 3)
					require.Equal(t, crossed+1, s.moves)
				}
				for _, n := range names {
					h.kill(n)
				}
			})
		}
	}
}

// Who has read all of an earlier instance while the present one has not signed yet crosses when it has.
func TestASubscriberWaitsForTheSignatureOfTheNextInstance(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.base.set(0, true)
		h.move("all", "beta")
		h.turn()
		done := make(chan struct{})
		go func() {
			defer close(done)
			require.Error(t, h.runs["beta"].instance.Follow(t.Context(), "all", all.at(), all.take(h.runs["beta"])), "it is moved on at the end")
		}()
		h.rest()
		require.Zero(t, all.moves)
		require.Equal(t, "alpha", all.at().Instance)
		h.base.set(0, false)
		h.turn()
		h.tell("beta", 5)
		h.turn()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
		h.move("all", "alpha")
		h.turn()
		h.turn()
		<-done
	})
}

// An instance may have sealed epochs after the mailbox's last one there before it has handed it over. Who has read those seals crosses as
// well.
func TestASubscriberThatHasReadSealsAfterTheMailboxLeftCrosses(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.rest()
		h.move("all", "beta")
		h.rest()
		for range 2 { // nobody has time between them
			h.at = h.at/window*window + window - 1
			h.pass(1)
		}
		h.pass(1)
		all.readAt("alpha")
		h.turn()
		moves, _ := h.runs["alpha"].session.Moves(t.Context(), "all")
		require.Len(t, moves, 1)
		require.Greater(t, all.at().Epoch, moves[0].Handover.Epoch)
		require.Equal(t, "alpha", all.at().Instance)
		h.tell("beta", 5)
		h.turn()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 1, all.moves)
		for range 2 { // and back, where the earlier handover is not for it any more
			to := map[string]string{"alpha": "beta", "beta": "alpha"}[all.at().Instance]
			h.move("all", to)
			for range 3 {
				h.turn()
				all.read()
			}
		}
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 3, all.moves)
	})
}

// An instance that was gone while a mailbox moved in, and gets it again: its epochs from then are not those of the second stay, though it
// had the mailbox arriving in all of them.
func TestAMailboxThatComesASecondTimeBeginsAnew(t *testing.T) {
	couple(t, "", func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 5)
		h.rest()
		h.move("all", "beta")
		h.turn()
		h.tell("alpha", 5)
		h.rest()
		all.read()
		moves, _ := h.runs["alpha"].session.Moves(t.Context(), "all")
		require.True(t, moves[0].Taken)
		first := moves[0].Handover.First()
		require.NotZero(t, first)
		h.kill("beta") // with its first epoch open
		h.move("all", "alpha")
		h.turn()
		h.tell("alpha", 5)
		h.turn()
		all.read()
		require.Equal(t, 2, all.moves)
		h.move("all", "beta")
		h.start("beta")
		for range 4 {
			h.turn()
			h.tell("alpha", 3)
		}
		h.turn()
		all.read()
		all.wantAll(0, 1, 2, 3)
		require.Equal(t, 3, all.moves)
		moves, _ = h.runs["alpha"].session.Moves(t.Context(), "all")
		require.Greater(t, moves[2].Handover.First(), first)
	})
}

// What moves, ends of windows and restarts were found to lose.
func TestMovesThatLostItems(t *testing.T) {
	for _, steps := range [][]int{
		{733, 5, 344, 369, 421, 3, 91, 7, 3, 306, 0, 403, 104, 86, 971, 711, 75, 128, 40, 674, 2, 2, 86},
		{2, 911, 19, 1, 999, 51, 87, 493, 1, 3, 8},
		{5, 559, 954, 10, 2, 7, 350, 13, 16, 538, 721, 817, 758, 1, 600, 15, 7, 764, 3, 696, 5, 0, 978},
		{792, 1, 30, 69, 999, 681, 0, 773, 155, 23, 0, 999, 223, 481, 1, 2, 2, 651, 935, 925, 7, 131},
		{13, 6, 12, 303, 26, 565, 1, 15, 12, 17},
		{15, 3, 213, 1, 943, 953, 691, 6, 309, 2, 583, 14, 158, 97, 0, 81, 1, 148, 303, 0, 2, 530, 507, 146, 47, 53, 6},
	} {
		synctest.Test(t, func(t *testing.T) { play(t, steps) })
	}
}
