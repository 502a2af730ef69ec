package net

import (
	"fmt"
	"testing"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

func mustKey(n byte) wire.PublicKey { return wire.PublicKeyOf(operatorKey(n)) }

// Whoever copies a known envelope under new numbers and signatures of his own making achieves nothing, good or bad.
func TestR6ForgedCopiesOfAKnownEnvelopeChangeNothing(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1)
		ch := a.join(t, w)
		forger, author := c.operatorHost(2), c.operatorHost(3)
		c.connect(forger, a.lh)
		c.connect(author, a.lh)
		c.settle()
		envelope := sealed(3, testPayload(w.ID(), 900, "yes"))
		inject(t, author, a.ID(), forge(t, 3, w, envelope, 1))
		forged := make([]*pb.Message, 100)
		for i := range forged {
			forged[i] = forge(t, 3, w, envelope, uint64(i+2))
			forged[i].Signature = fmt.Appendf(nil, "forged %d", i)
		}
		inject(t, forger, a.ID(), forged...)
		require.Equal(t, Counters{Delivered: 1, Known: 100}, a.Counters())
		require.True(t, c.connected(a.lh, forger), "honest neighbours forward copies too, and are not charged")

		// The author's budgets are untouched, and the numbers that were forged are still his to use.
		inject(t, author, a.ID(), forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, "no")), 2))
		require.Equal(t, []string{"yes", "no"}, said(ch.Take(900)))
		require.True(t, c.connected(a.lh, author))
	})
}

func TestR6ABadMessageDoesNotTakeThePlaceOfTheGoodOne(t *testing.T) {
	for name, spoil := range map[string]func(*pb.Message){
		"unsigned":   func(m *pb.Message) { m.Signature = nil },
		"mis-signed": func(m *pb.Message) { m.Signature = []byte("forged") },
		"empty":      func(m *pb.Message) { m.Signature = []byte{} },
	} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				w := testWallet(t, 1, 1, 2, 3)
				a := c.add(1)
				ch := a.join(t, w)
				forger := c.operatorHost(2)
				c.connect(forger, a.lh)
				c.settle()
				good := forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, "x")), 1)
				bad := forge(t, 3, w, good.GetData(), 1)
				spoil(bad)
				inject(t, forger, a.ID(), bad, bad, good)
				require.Equal(t, []string{"x"}, said(ch.Take(900)))
				require.Equal(t, Counters{Delivered: 1, Rejected: a.Counters().Rejected}, a.Counters())
				require.NotZero(t, a.Counters().Rejected)
			})
		})
	}
}

// a – b – d: d comes when a has spoken, and gets the next retransmission through b, which knew the statement already.
func TestR3WhoComesLaterGetsARetransmissionThroughItsNeighbour(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA, onB, onD := a.join(t, w), b.join(t, w), d.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		envelope, err := onA.Seal(testPayload(w.ID(), 900, "x"), 1)
		require.NoError(t, err)
		publish := func() {
			require.NoError(t, onA.Publish(t.Context(), envelope))
			c.settle()
		}
		publish()
		require.Equal(t, []string{"x"}, said(onB.Take(900)))
		publish()
		publish()
		require.Equal(t, Counters{Delivered: 1, Known: 2}, b.Counters(), "nobody needs them")

		c.connect(b.lh, d.lh)
		c.settle()
		publish()
		require.Equal(t, []string{"x"}, said(onD.Take(900)))
		publish()
		require.EqualValues(t, 1, b.Counters().Copies)
		require.EqualValues(t, 3, b.Counters().Known)
	})
}

// The same with a node that is connected all the time and joins the channel late.
func TestR3WhoJoinsLaterGetsARetransmissionThroughItsNeighbour(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w, other := testWallet(t, 1, 1, 2, 3), testWallet(t, 2, 2, 3)
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA := a.join(t, w)
		b.join(t, w)
		b.join(t, other)
		d.join(t, other)
		c.connect(a.lh, b.lh)
		c.connect(b.lh, d.lh)
		c.settle()
		say(t, onA, 900, "x")
		c.settle()
		say(t, onA, 900, "x")
		c.settle()
		require.EqualValues(t, 1, b.Counters().Known)
		onD := d.join(t, w)
		c.settle()
		say(t, onA, 900, "x")
		c.settle()
		require.Equal(t, []string{"x"}, said(onD.Take(900)))
	})
}
