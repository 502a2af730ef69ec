package instance_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// untaken gives a mailbox to beta, which has not signed for it yet, and returns the database at that moment.
func untaken(t *testing.T, h *house, all *subscriber) *base {
	h.tell("alpha", 10)
	h.turn()
	h.base.set(0, true)
	h.move("all", "beta")
	h.turn()
	h.turn()
	moves, err := h.runs["alpha"].session.Moves(t.Context(), "all")
	require.NoError(t, err)
	require.Len(t, moves, 1)
	require.False(t, moves[0].Taken)
	all.readAt("beta")
	require.Zero(t, all.moves)
	was := h.base.copy()
	h.base.set(0, false)
	return was
}

// A database is put back to when a mailbox had been given and not been taken, and its new instance had told more of it since. Who reads it
// crosses from wherever it stands, and is told of the loss.
func TestALossAfterAMoveThatWasNotTakenLeavesNobodyBehind(t *testing.T) {
	couple(t, t.TempDir(), func(t *testing.T, h *house) {
		before, after := h.subscriber("all"), h.subscriber("all")
		was := untaken(t, h, before)
		h.turn()
		h.tell("alpha", 4)
		h.turn()
		after.read()
		require.Equal(t, 1, after.moves)
		require.Equal(t, "beta", after.reader.Instance())
		require.Equal(t, "alpha", before.reader.Instance())
		h.kill("alpha")
		h.kill("beta")
		h.base = was
		h.start("alpha")
		h.start("beta")
		h.tell("alpha", 4)
		for range 4 {
			h.turn()
			h.tell("alpha", 2)
		}
		h.rest()
		before.read()
		after.read()
		for _, s := range []*subscriber{before, after} {
			require.Equal(t, 2, s.moves, "the move and the loss")
			require.Equal(t, "beta", s.reader.Instance())
			require.Empty(t, s.blames)
		}
		require.Equal(t, before.reader.At(), after.reader.At())
		wantNoProof(t, before, after)
		newcomer := h.subscriber("all")
		newcomer.read()
		require.Equal(t, before.reader.At(), newcomer.reader.At())
		h.kill("beta") // and a restart changes nothing
		h.start("beta")
		for range 3 {
			h.turn()
		}
		h.tell("alpha", 2)
		h.turn()
		before.read()
		require.Equal(t, 2, before.moves)
	})
}

// The same where the mailbox went there and came back before anybody had signed: nothing happened but the loss.
func TestALossAfterAMoveThatWasTakenBackIsTold(t *testing.T) {
	couple(t, t.TempDir(), func(t *testing.T, h *house) {
		all := h.subscriber("all")
		h.tell("alpha", 10)
		h.turn()
		h.move("all", "beta")
		h.rest()
		h.kill("beta") // which has said that it is ready
		h.turn()
		h.base.set(0, true)
		h.move("all", "alpha")
		h.turn()
		all.read()
		was := h.base.copy()
		h.base.set(0, false)
		h.turn()
		h.tell("alpha", 4)
		h.turn()
		h.turn()
		all.read()
		require.Zero(t, all.moves)
		moves, err := h.runs["alpha"].session.Moves(t.Context(), "all")
		require.NoError(t, err)
		require.Len(t, moves, 2)
		h.kill("alpha")
		h.base = was
		moves = was.moves["all"]
		require.Equal(t, []bool{false, false}, []bool{moves[0].Taken, moves[1].Taken})
		h.start("alpha")
		for range 4 {
			h.tell("alpha", 2)
			h.turn()
		}
		all.read()
		require.Equal(t, 1, all.moves, "the loss")
		require.Empty(t, all.blames)
	})
}
