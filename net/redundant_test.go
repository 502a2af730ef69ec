package net

import (
	"testing"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// asked asks an inbox about a message that nobody has verified.
func asked(b *Inbox, a Arrival, height chain.Height, reach uint64) bool {
	return b.redundant(a.From, a.Data, func() [32]byte { return a.ID }, height, reach)
}

func TestR3AKnownEnvelopeIsVerifiedOncePerReach(t *testing.T) {
	w := testWallet(t, 1, 1, 2, 3)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	envelope := sealed(1, testPayload(w.ID(), 900, "x"))
	copyOf := func(n uint64) Arrival { return arrival(1, n, envelope, 901) }

	require.False(t, asked(b, copyOf(1), 901, 0), "nothing is known yet")
	require.Equal(t, CauseNew, b.Offer(copyOf(1)).Cause)
	require.True(t, asked(b, copyOf(2), 901, 0))
	require.True(t, asked(b, copyOf(1), 901, 1), "the very same message")
	require.False(t, asked(b, copyOf(2), 1000, 0), "of a window that is over: if it is long over, its forwarder is to be charged")

	require.False(t, asked(b, copyOf(2), 901, 1), "somebody came into reach who may need it")
	again := copyOf(2)
	again.Reach = 1
	require.Equal(t, CauseCopy, b.Offer(again).Cause)
	require.True(t, asked(b, copyOf(3), 901, 1))

	for n := uint64(3); n <= maxCopies; n++ {
		require.Equal(t, CauseCopy, b.Offer(copyOf(n)).Cause)
	}
	require.True(t, asked(b, copyOf(99), 901, 7), "a ninth copy is relayed to nobody")
}

func TestR6OnlyTheSameBytesOfTheSameAuthorAreKnown(t *testing.T) {
	w := testWallet(t, 1, 1, 2, 3)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	yes, no := testPayload(w.ID(), 900, "yes"), testPayload(w.ID(), 900, "no")
	require.Equal(t, CauseNew, b.Offer(arrival(1, 1, sealed(1, yes), 901)).Cause)
	other := Seal(mustKey(1), yes, 2) // the same statement in another envelope
	for name, a := range map[string]Arrival{
		"another statement":        arrival(1, 2, sealed(1, no), 901),
		"another envelope":         arrival(1, 2, other, 901),
		"another author's word":    arrival(2, 2, sealed(2, yes), 901),
		"another author, one body": arrival(2, 2, sealed(1, yes), 901),
	} {
		require.False(t, asked(b, a, 901, 0), name)
	}
	require.Equal(t, CauseNew, b.Offer(arrival(1, 2, sealed(1, no), 901)).Cause, "an equivocation is heard")
	require.True(t, asked(b, arrival(1, 3, sealed(1, no), 901), 901, 0))
	require.True(t, asked(b, arrival(1, 3, sealed(1, yes), 901), 901, 0))
	require.Equal(t, CauseExcess, b.Offer(arrival(1, 4, sealed(1, testPayload(w.ID(), 900, "or")), 901)).Cause)
	require.False(t, asked(b, arrival(1, 5, sealed(1, testPayload(w.ID(), 900, "or")), 901), 901, 0), "what was ignored is not known")

	b.Offer(arrival(1, 9, sealed(1, testPayload(w.ID(), 1800, "later")), 1800))
	require.False(t, asked(b, arrival(1, 6, sealed(1, yes), 901), 901, 0), "forgotten with its window")
	require.Len(t, b.envelopes, 1)
}

func TestWhatFindsNoRoomIsNotKnown(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := newInbox(w, testSchedule, testInspect, newLedger(1), new(authors), Ear{})
	a := arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "x")), 901)
	require.Equal(t, CauseFull, b.Offer(a).Cause)
	require.False(t, asked(b, arrival(1, 2, a.Data, 901), 901, 0), "a later copy has its chance")
}

func TestOurOwnWordsComingBackAreKnown(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	own := arrival(1, 1, sealed(1, testPayload(w.ID(), 900, "x")), 901)
	own.Own = true
	require.Equal(t, CauseOwn, b.Offer(own).Cause)
	require.True(t, asked(b, arrival(1, 2, own.Data, 901), 901, 0))
}

func TestIdenticalMessagesInFlightAreOne(t *testing.T) {
	var f flights
	m := func(signature string) *pb.Message {
		topic := "topic"
		return &pb.Message{From: []byte("a"), Data: []byte("x"), Seqno: seqno(1), Topic: &topic, Signature: []byte(signature)}
	}
	first := m("good")
	require.True(t, f.enter(first))
	require.False(t, f.enter(m("good")))
	require.True(t, f.enter(m("forged")), "a forgery does not hide the message")
	unknown := m("good")
	unknown.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x05})
	require.True(t, f.enter(unknown))
	emptyKey, noTopic := m("good"), m("good")
	emptyKey.Key, noTopic.Topic = []byte{}, nil
	require.True(t, f.enter(emptyKey), "pubsub refuses an empty key, so it must not hide a message without one")
	require.True(t, f.enter(noTopic))

	for _, known := range []*pb.Message{first, unknown, emptyKey, noTopic, m("not on its way")} {
		require.Equal(t, messageID(known), f.id(known))
	}
	require.Equal(t, f.id(first), f.id(emptyKey), "nobody signs a key field")

	f.leave(m("good"))
	require.False(t, f.enter(m("good")), "what never entered does not leave")
	f.leave(first)
	require.Equal(t, messageID(first), f.id(first))
	require.True(t, f.enter(m("good")))
	for n := range uint64(2 * maxFlights) {
		next := m("flood")
		next.Seqno = seqno(n)
		f.enter(next)
		require.LessOrEqual(t, len(f.aloft), maxFlights)
	}
}

func TestAuthorsAreRememberedOnlyIfTheyAreMembers(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	var a authors
	for range 2 {
		author, err := a.read(mustKey(1).PeerID(), w)
		require.NoError(t, err)
		require.Equal(t, operator(1), author.Operator)
	}
	stranger, err := a.read(mustKey(9).PeerID(), w)
	require.NoError(t, err)
	require.Equal(t, operator(9), stranger.Operator)
	_, err = a.read([]byte("no key"), w)
	require.Error(t, err)
	require.Len(t, a.byID, 1)
}
