package net

import (
	"slices"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
)

// sieve takes out of an RPC what need not be verified and what cannot be: what nobody needs, what is unsigned, and what
// is about wallets and topics that are not ours, which pubsub would ignore anyhow.
func (t *traffic) sieve(from peer.ID, messages []*pb.Message) []*pb.Message {
	height, now := t.height(), time.Now()
	return slices.DeleteFunc(messages, func(m *pb.Message) bool {
		c := t.table.topic(m.GetTopic())
		dropKey(m)
		switch {
		case c == nil:
			return true
		case m.Signature == nil:
			// Under the policy that newPubSub explains, pubsub takes an unsigned message for a good one. It must not even
			// come as far as our validator: it would take the place of the signed one, whose identity it has.
			t.counters.rejected.Add(1)
			t.charge(from, "forwarded rejected messages: "+pubsub.RejectMissingSignature)
			return true
		}
		t.relays.again(m, from, now)
		if c.needless(m, height) {
			t.counters.known.Add(1)
			t.spurned.add(messageID(m), now)
			return true
		}
		return !t.flights.enter(m)
	})
}
