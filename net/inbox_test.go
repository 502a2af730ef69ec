package net

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Each row is one message of operator 1 to a wallet of operators 1 and 2, at height 1810 of window 1800.
func TestR6RejectsIgnoresAccepts(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	good := func(window chain.Height) []byte { return testPayload(w.ID(), window, "hello") }
	other := testWallet(t, 2, 1, 2)
	envelope := func(e wire.Envelope) []byte {
		if e.Sender.IsZero() {
			e.Sender = wire.PublicKeyOf(operatorKey(1))
		}
		return wire.EncodeEnvelope(e)
	}
	for name, c := range map[string]struct {
		author byte
		data   []byte
		want   Verdict
		cause  Cause
		blame  Blame
	}{
		"accept running window":       {1, sealed(1, good(1800)), VerdictAccept, CauseNew, BlameNone},
		"accept coming window":        {1, sealed(1, good(2700)), VerdictAccept, CauseNew, BlameNone},
		"reject bad envelope":         {1, []byte{0x0a, 0x7f}, VerdictReject, CauseMalformed, BlameForwarder},
		"reject foreign sender":       {1, sealed(2, good(1800)), VerdictReject, CauseSender, BlameForwarder},
		"reject oversized":            {1, make([]byte, wire.MaxMessage+1), VerdictReject, CauseTooLarge, BlameForwarder},
		"ignore non-member":           {3, sealed(3, good(1800)), VerdictIgnore, CauseNonMember, BlameNone},
		"ignore non-member's rubbish": {3, []byte{0x0a, 0x7f}, VerdictIgnore, CauseNonMember, BlameNone},
		"ignore other type":           {1, envelope(wire.Envelope{Type: "tbtc/other", Payload: good(1800)}), VerdictIgnore, CauseType, BlameNone},
		"ignore undecodable payload":  {1, sealed(1, []byte("x")), VerdictIgnore, CausePayload, BlameNone},
		"ignore other wallet":         {1, sealed(1, testPayload(other.ID(), 1800, "hello")), VerdictIgnore, CauseOtherWallet, BlameNone},
		"ignore window to come later": {1, sealed(1, good(3600)), VerdictIgnore, CauseNoWindow, BlameNone},
		"ignore no window":            {1, sealed(1, good(1801)), VerdictIgnore, CauseNoWindow, BlameNone},
		"ignore window long over":     {1, sealed(1, good(900)), VerdictIgnore, CauseStale, BlameForwarder},
		"ignore window zero":          {1, sealed(1, good(0)), VerdictIgnore, CauseNoWindow, BlameNone},
		"ignore overlong statement":   {1, sealed(1, testPayload(w.ID(), 1800, string(make([]byte, maxStatement)))), VerdictIgnore, CauseExcess, BlameNone},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewInbox(w, testSchedule, testInspect, Ear{})
			r := b.Offer(arrival(c.author, 1, c.data, 1810))
			require.Equal(t, c.want, r.Verdict)
			require.Equal(t, c.cause, r.Cause)
			require.Equal(t, c.blame, r.Blame)
			if c.want != VerdictAccept {
				require.Empty(t, b.Take(1800))
				require.Empty(t, b.Take(2700))
				return
			}
			got := append(b.Take(1800), b.Take(2700)...)
			require.Len(t, got, 1)
			require.Equal(t, operator(1), got[0].Author)
			require.Equal(t, chain.Height(1810), got[0].ArrivedAt)
			m, err := wire.ParsePubsub(got[0].Signed)
			require.NoError(t, err)
			_, err = m.Verify()
			require.NoError(t, err, "what is delivered is evidence")
		})
	}
}

func TestR6TwoStatementsOfEightCopiesAreRelayed(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	first, second := sealed(1, testPayload(w.ID(), 900, "first")), sealed(1, testPayload(w.ID(), 900, "second"))
	third := sealed(1, testPayload(w.ID(), 900, "third"))

	for i := range uint64(8) {
		require.Equal(t, VerdictAccept, b.Offer(arrival(1, i, first, 900)).Verdict)
		require.Equal(t, VerdictAccept, b.Offer(arrival(1, 100+i, second, 900)).Verdict)
	}
	require.Equal(t, CauseSpent, b.Offer(arrival(1, 8, first, 900)).Cause)
	require.Equal(t, Ruling{Cause: CauseReplay, Author: operator(1), Window: 900}, b.Offer(arrival(1, 3, first, 900)))
	require.Equal(t, Ruling{Cause: CauseExcess, Author: operator(1), Window: 900}, b.Offer(arrival(1, 200, third, 900)))
	require.Equal(t, []string{"first", "second"}, said(b.Take(900)), "each is delivered once")
	require.Empty(t, b.Take(900))
	require.Equal(t, CauseSpent, b.Offer(arrival(1, 9, first, 900)).Cause, "what was taken stays known")
}

func TestR6FloodOfVariantsIsBounded(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	flooded := 0
	for i := range uint64(10_000) {
		r := b.Offer(lazyArrival(1, i, sealed(1, testPayload(w.ID(), 900, fmt.Sprint(i))), 900))
		if r.Blame == BlameAuthor {
			flooded++
			require.GreaterOrEqual(t, i, uint64(maxStatements+maxExcess))
		}
	}
	require.Equal(t, 10_000-maxStatements-maxExcess, flooded)
	require.Len(t, b.slots, 1)
	require.Len(t, b.slots[slotKey{900, operator(1)}].statements, 2)
	require.Equal(t, []string{"0", "1"}, said(b.Take(900)))
	require.Equal(t, CauseNew, b.Offer(arrival(2, 1, sealed(2, testPayload(w.ID(), 900, "honest")), 900)).Cause)
}

// While one author says 10 000 things, two are kept with what they take, and what others repeat is relayed as ever.
func TestR6AFloodOfVariantsCostsNobodyElseHisRetransmissions(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	honest := sealed(2, testPayload(w.ID(), 900, "honest"))
	copies := uint64(0)
	for i := range uint64(10_000) {
		b.Offer(lazyArrival(1, i, sealed(1, testPayload(w.ID(), 900, fmt.Sprint(i))), 900))
		if i%1250 == 0 {
			copies++
			r := b.Offer(arrival(2, copies, honest, 900))
			require.Equal(t, VerdictAccept, r.Verdict, "it is relayed: copy %d after %d variants", copies, i+1)
		}
		require.LessOrEqual(t, len(b.envelopes), maxStatements+1)
		require.LessOrEqual(t, len(b.slots), 2)
		require.LessOrEqual(t, len(b.chaff), 0)
	}
	require.EqualValues(t, maxCopies, copies)
	held := b.held.held[operator(1)]
	require.Positive(t, held)
	require.Less(t, held, 2*1024, "bytes of the two that are kept")
	require.Len(t, b.Take(900), maxStatements+1)
}

func TestR6UntakenBytesOfOneAuthorAreBounded(t *testing.T) {
	held := newLedger(3000)
	inbox := func(n int) (*Inbox, chain.Wallet) {
		w := testWallet(t, n, 1, 2)
		return newInbox(w, testSchedule, testInspect, held, new(authors), Ear{}), w
	}
	b1, w1 := inbox(1)
	b2, w2 := inbox(2)
	text := string(make([]byte, 1000))
	require.Equal(t, CauseNew, b1.Offer(arrival(1, 1, sealed(1, testPayload(w1.ID(), 900, text)), 900)).Cause)
	again := arrival(1, 2, sealed(1, testPayload(w2.ID(), 900, text)), 900)
	require.Equal(t, CauseFull, b2.Offer(again).Cause)
	require.Equal(t, CauseNew, b2.Offer(arrival(2, 3, sealed(2, testPayload(w2.ID(), 900, text)), 900)).Cause, "others have room")
	b1.Take(900)
	require.Equal(t, CauseNew, b2.Offer(again).Cause, "a copy has its chance once there is room")
	b2.Take(900)
	require.Empty(t, held.held)
}

func TestSection8EarlyMessageOfTheComingWindowIsKept(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	early := b.Arrived()
	require.Equal(t, CauseNew, b.Offer(arrival(1, 1, sealed(1, testPayload(w.ID(), 1800, "early")), 1799)).Cause)
	<-early
	// The head arrives, and with it another message.
	require.Equal(t, CauseNew, b.Offer(arrival(2, 2, sealed(2, testPayload(w.ID(), 1800, "late")), 1800)).Cause)
	got := b.Take(1800)
	require.Equal(t, []string{"early", "late"}, said(got))
	require.Equal(t, chain.Height(1799), got[0].ArrivedAt)
}

func TestR3InboxCanBeDrainedAtTheEndOfTheWindow(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	require.Equal(t, CauseNew, b.Offer(arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "in time")), 999)).Cause)
	require.Equal(t, CauseStale, b.Offer(arrival(2, 2, sealed(2, testPayload(w.ID(), 900, "too late")), 1000)).Cause)
	require.Equal(t, CauseNew, b.Offer(arrival(1, 3, sealed(1, testPayload(w.ID(), 1800, "next")), 1799)).Cause)
	require.Equal(t, []string{"in time"}, said(b.Take(900)))

	// When the next window begins, the old one is forgotten, taken or not.
	require.Equal(t, CauseNew, b.Offer(arrival(2, 4, sealed(2, testPayload(w.ID(), 1800, "now")), 1800)).Cause)
	require.NotContains(t, b.slots, slotKey{900, operator(1)})
	require.Len(t, b.slots, 2)
}

func TestR6ForgottenWindowsReleaseWhatWasNotTaken(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	require.Equal(t, CauseNew, b.Offer(arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "old")), 950)).Cause)
	require.NotEmpty(t, b.held.held)
	b.Offer(arrival(1, 2, sealed(1, testPayload(w.ID(), 900, "stale")), 1800))
	b.Offer(arrival(2, 3, sealed(2, testPayload(w.ID(), 2700, "new")), 1800))
	require.Empty(t, b.Take(900))
	require.NotContains(t, b.held.held, operator(1))
}

func TestOwnMessagesAreKnownButNotDelivered(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	own := arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "ours")), 900)
	own.Own = true
	require.Equal(t, CauseOwn, b.Offer(own).Cause)
	require.Equal(t, CauseCopy, b.Offer(arrival(1, 2, own.Data, 900)).Cause, "a sibling sends the same")
	require.Empty(t, b.Take(900))
	require.Equal(t, CauseNew, b.Offer(arrival(1, 3, sealed(1, testPayload(w.ID(), 900, "a thief's")), 900)).Cause)
	require.Equal(t, []string{"a thief's"}, said(b.Take(900)))
}

// Whatever arrives, in whatever state of the clock, the inbox answers within its bounds.
func FuzzInboxOffer(f *testing.F) {
	w := testWallet(f, 1, 1, 2)
	good := sealed(1, testPayload(w.ID(), 900, "x"))
	f.Add(wire.PublicKeyOf(operatorKey(1)).PeerID(), seqno(1), good, uint64(900))
	f.Add([]byte{}, []byte{}, []byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, from, id, data []byte, height uint64) {
		b := NewInbox(w, testSchedule, testInspect, Ear{})
		for range 3 {
			r := b.Offer(Arrival{From: from, ID: sha256.Sum256(id), Data: data, Height: chain.Height(height), Signed: func() []byte { return data }})
			require.NotEmpty(t, r.Cause)
		}
		require.LessOrEqual(t, len(b.slots), 1)
	})
}
