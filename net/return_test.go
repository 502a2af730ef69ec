package net

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// returned is an inbox of operators 1, 2 and 3 from which two statements of the first were taken, and the way to say more.
func returned(t *testing.T) (b *Inbox, taken []Message, offer func(op byte, window chain.Height, text string) Cause) {
	t.Helper()
	w := testWallet(t, 1, 1, 2, 3)
	b = NewInbox(w, testSchedule, testInspect, Ear{})
	number := uint64(0)
	offer = func(op byte, window chain.Height, text string) Cause {
		number++
		return b.Offer(arrival(op, number, sealed(op, testPayload(w.ID(), window, text)), 900)).Cause
	}
	require.Equal(t, CauseNew, offer(1, 900, "first"))
	require.Equal(t, CauseNew, offer(1, 900, "second"))
	taken = b.Take(900)
	require.Equal(t, []string{"first", "second"}, said(taken))
	return b, taken, offer
}

func TestWhatIsPutBackIsTakenAgainBeforeWhatCameSince(t *testing.T) {
	b, taken, offer := returned(t)
	require.Equal(t, CauseNew, offer(2, 900, "since"))
	arrived := b.Arrived()
	b.Return(900, taken)
	<-arrived
	again := b.Take(900)
	require.Equal(t, []string{"first", "second", "since"}, said(again))
	require.Equal(t, taken, again[:2], "as it was, height and time of its arrival included")
	require.Empty(t, b.Take(900))
}

func TestWhatIsPutBackIsNotCountedAgain(t *testing.T) {
	b, taken, offer := returned(t)
	b.Return(900, taken)
	require.Equal(t, CauseCopy, offer(1, 900, "first"), "it is known still")
	require.Equal(t, CauseExcess, offer(1, 900, "third"), "two of one author are enough")
	require.Equal(t, []string{"first", "second"}, said(b.Take(900)))
}

func TestPuttingBackIsBounded(t *testing.T) {
	b, taken, offer := returned(t)
	for range 100 {
		b.Return(900, taken)
		b.Return(900, append(taken, taken...))
	}
	require.Equal(t, []string{"first", "second"}, said(b.Take(900)), "once, however often")

	stranger := taken[0]
	stranger.Digest[0]++
	b.Return(900, []Message{stranger})
	b.Return(1800, taken)
	require.Empty(t, b.Take(900), "what never came cannot go back")
	require.Empty(t, b.Take(1800), "nor to another window")
	b.Return(900, nil)
	require.Empty(t, b.held.held)

	b.turn(1800, taken[0].ReceivedAt) // window 900 is forgotten
	b.Return(900, taken)
	require.Empty(t, b.Take(900))
	require.Equal(t, CauseNew, offer(2, 1800, "next"))
}

// What was taken had its room, though others have taken that since.
func TestThereIsRoomForWhatIsPutBack(t *testing.T) {
	held := newLedger(3000)
	w1, w2 := testWallet(t, 1, 1, 2), testWallet(t, 2, 1, 2)
	b1, b2 := newInbox(w1, testSchedule, testInspect, held, new(authors), Ear{}), newInbox(w2, testSchedule, testInspect, held, new(authors), Ear{})
	text := string(make([]byte, 1000))
	b1.Offer(arrival(1, 1, sealed(1, testPayload(w1.ID(), 900, text)), 900))
	taken := b1.Take(900)
	require.Equal(t, CauseNew, b2.Offer(arrival(1, 2, sealed(1, testPayload(w2.ID(), 900, text)), 900)).Cause)
	b1.Return(900, taken)
	require.Len(t, b1.Take(900), 1)
	require.Len(t, b2.Take(900), 1)
	require.Empty(t, held.held)
}
