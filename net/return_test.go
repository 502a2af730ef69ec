package net

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsReturnedIsTakenAgainBeforeWhatCameSince(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect)
	say := func(author byte, text string) Cause {
		return b.Offer(arrival(author, 1, sealed(author, testPayload(w.ID(), 900, text)), 905)).Cause
	}
	require.Equal(t, CauseNew, say(1, "first"))
	require.Equal(t, CauseNew, say(2, "second"))
	taken := b.Take(900)
	require.Equal(t, CauseNew, say(2, "third"))
	arrived := b.Arrived()
	b.Return(900, taken)
	select {
	case <-arrived:
	default:
		t.Fatal("who waits is not told")
	}
	require.Equal(t, []string{"first", "second", "third"}, said(b.Take(900)))
	require.Empty(t, b.Take(900))
	require.Empty(t, b.held.held, "what was kept is released, no more and no less")
	b.Return(900, nil)
	require.Empty(t, b.Take(900))
}

func TestWhatIsReturnedIsForgottenWithItsWindow(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect)
	b.Offer(arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "first")), 905))
	b.Return(900, b.Take(900))
	b.Offer(arrival(2, 1, sealed(2, testPayload(w.ID(), 2700, "another")), 2705))
	require.Empty(t, b.Take(900))
}
