package net

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Each row is a kind of message that says nothing, of which a member signs ever new ones.
func TestR6WhoeverKeepsSendingWhatSaysNothingIsCutOff(t *testing.T) {
	w, other := testWallet(t, 1, 1, 2, 3), testWallet(t, 2, 1, 2, 3)
	foreign := func(n int) []byte {
		return wire.EncodeEnvelope(wire.Envelope{Sender: mustKey(2), Payload: []byte("x"), Type: "tbtc/other", Sequence: uint64(n)})
	}
	for name, message := range map[string]func(t *testing.T, n int) *pb.Message{
		"envelopes of one statement": func(t *testing.T, n int) *pb.Message {
			return forge(t, 2, w, Seal(mustKey(2), testPayload(w.ID(), 900, "x"), uint64(n)), uint64(n))
		},
		"statements": func(t *testing.T, n int) *pb.Message {
			return forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, fmt.Sprint(n))), uint64(n))
		},
		"undecodable payloads": func(t *testing.T, n int) *pb.Message { return forge(t, 2, w, sealed(2, fmt.Append(nil, n)), uint64(n)) },
		"foreign types":        func(t *testing.T, n int) *pb.Message { return forge(t, 2, w, foreign(n), uint64(n)) },
		"another wallet": func(t *testing.T, n int) *pb.Message {
			return forge(t, 2, w, sealed(2, testPayload(other.ID(), 900, fmt.Sprint(n))), uint64(n))
		},
		"no window": func(t *testing.T, n int) *pb.Message {
			return forge(t, 2, w, sealed(2, testPayload(w.ID(), chain.Height(901+n), "x")), uint64(n))
		},
		"far windows": func(t *testing.T, n int) *pb.Message {
			return forge(t, 2, w, sealed(2, testPayload(w.ID(), ^chain.Height(0)/900*900-chain.Height(n)*900, "x")), uint64(n))
		},
		"overlong": func(t *testing.T, n int) *pb.Message {
			return forgeUnknown(t, 2, w, sealed(2, testPayload(w.ID(), 900, "x")), uint64(n), maxStatement)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				a := c.add(1)
				a.join(t, w)
				author, forwarder := c.operatorHost(2), c.operatorHost(3)
				c.connect(author, a.lh)
				c.connect(forwarder, a.lh)
				c.settle()
				var flood []*pb.Message
				for n := range 70 {
					flood = append(flood, message(t, n))
				}
				inject(t, forwarder, a.ID(), flood...) // whoever forwards it: he has signed it
				c.settle()
				require.False(t, c.connected(a.lh, author))
				require.Contains(t, a.peer(t, author).LastError, "refused until block 1800")
				require.Equal(t, PeerRefused, a.peer(t, author).State)
				require.True(t, c.connected(a.lh, forwarder))
				a.clock.set(1800)
				require.False(t, blacklist{a.table}.Contains(author.ID()), "it may come back")
				require.Equal(t, PeerDisconnected, a.peer(t, author).State)
			})
		})
	}
}

// An honest author whose version differs, or whose head is far ahead of ours, sends one such envelope a window, eight times.
func TestR6HonestRetransmissionsOfWhatSaysNothingAreNoFlood(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	now := time.Unix(1_800_000_000, 0)
	for window := range 1000 {
		for name, data := range map[string][]byte{
			"another version": sealed(1, fmt.Append(nil, window)),
			"our head stands": sealed(1, testPayload(w.ID(), chain.Height(window+3)*900, "x")),
		} {
			for n := range uint64(maxCopies) {
				a := lazyArrival(1, n, data, 900)
				a.Time = now
				require.Equal(t, BlameNone, b.Offer(a).Blame, name)
			}
		}
		now = now.Add(3 * time.Hour)
	}
	require.Len(t, b.chaff, 1)
	require.LessOrEqual(t, len(b.chaff[operator(1)].known), maxChaff)
}

// Nor is a leader's one statement, sent by several of his instances, each of which was restarted.
func TestR6CopiesByHonestInstancesAreNoExcess(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	number := uint64(0)
	for range 3 {
		for instance := range uint64(4) {
			envelope := Seal(mustKey(1), testPayload(w.ID(), 900, "x"), instance)
			for range maxCopies {
				number++
				require.Equal(t, BlameNone, b.Offer(arrival(1, number, envelope, 900)).Blame)
			}
		}
	}
	require.Zero(t, b.slots[slotKey{900, operator(1)}].excess)
	require.Len(t, b.envelopes, 4)
}

func TestR6ChaffIsForgottenWhenItNoLongerCounts(t *testing.T) {
	var c chaff
	now := time.Unix(1_800_000_000, 0)
	for n := range byte(maxChaff) {
		require.False(t, c.flood(operator(1), [32]byte{n}, now))
		require.False(t, c.flood(operator(1), [32]byte{n}, now), "again")
	}
	require.True(t, c.flood(operator(1), [32]byte{99}, now))
	require.False(t, c.flood(operator(2), [32]byte{99}, now), "others have budgets of their own")
	c.forget(now.Add(chaffPause))
	require.Len(t, c, 1)
	c.forget(now.Add((maxChaff + 1) * chaffPause))
	require.Empty(t, c)
}

// Before its first head a node knows of no window: it keeps nothing, and nobody is to blame for that.
func TestR6BeforeTheFirstHeadNothingIsKeptAndNobodyCharged(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	b := NewInbox(w, testSchedule, testInspect, Ear{})
	for n := range uint64(2 * maxChaff) {
		window := chain.Height(n+1) * 900
		require.Equal(t, Ruling{Cause: CauseNoWindow, Author: operator(1), Window: window}, b.Offer(arrival(1, n, sealed(1, testPayload(w.ID(), window, "x")), 0)))
		require.Empty(t, b.Take(window))
	}
	require.Equal(t, CauseNew, b.Offer(arrival(1, 1000, sealed(1, testPayload(w.ID(), 9000, "x")), 9000)).Cause)
}

func TestR6OverlongMessagesAreNotDecoded(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	decoded := 0
	b := NewInbox(w, testSchedule, func(p []byte) (Slot, error) {
		decoded++
		return testInspect(p)
	}, Ear{})
	long := arrival(1, 1, sealed(1, testPayload(w.ID(), 900, string(make([]byte, maxStatement)))), 900)
	require.Equal(t, CauseExcess, b.Offer(long).Cause)
	short := sealed(1, testPayload(w.ID(), 900, "x"))
	padded := wire.SignPubsub(operatorKey(1), "topic", short, make([]byte, maxStatement))
	a := Arrival{From: padded.From(), Data: short, ID: padded.ID(), Size: len(padded.SignedBytes()), Signed: padded.Bytes, Height: 900}
	require.Equal(t, CauseExcess, b.Offer(a).Cause, "what is signed outside the envelope counts")
	require.Zero(t, decoded)

	// And for copies of what is known too.
	require.Equal(t, CauseNew, b.Offer(arrival(1, 2, short, 900)).Cause)
	a.ID[0]++
	require.Equal(t, CauseExcess, b.Offer(a).Cause)
}

func TestSealRefusesWhatOthersWouldNotKeep(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		ch := c.add(1).join(t, w)
		frame := len(sealed(1, nil)) + 6 // what surrounds a payload, whose length takes two bytes more
		envelope, err := ch.Seal(make([]byte, MaxEnvelope-frame), 1)
		require.NoError(t, err)
		require.NoError(t, ch.Publish(t.Context(), envelope))
		signed := wire.SignPubsub(operatorKey(1), wire.ChannelName(w.Key()), envelope, seqno(1))
		require.LessOrEqual(t, len(signed.Bytes()), maxStatement)
		_, err = ch.Seal(make([]byte, MaxEnvelope), 1)
		require.ErrorIs(t, err, wire.ErrTooLarge)
		require.ErrorIs(t, ch.Publish(t.Context(), make([]byte, MaxEnvelope+1)), wire.ErrTooLarge)
	})
}
