package net

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// forge makes the pubsub message that operator n signs, in pubsub's own type.
func forge(t *testing.T, n byte, w chain.Wallet, envelope []byte, copyOf uint64) *pb.Message {
	t.Helper()
	signed := wire.SignPubsub(operatorKey(n), wire.ChannelName(w.Key()), envelope, seqno(copyOf)).Bytes()
	m := new(pb.Message)
	require.NoError(t, proto.Unmarshal(signed, m))
	return m
}

// inject sends messages to a node from a host that runs no pubsub: exactly these bytes, in RPCs of their own.
func inject(t *testing.T, from host.Host, to peer.ID, messages ...*pb.Message) {
	t.Helper()
	post(t, from, to, messages...)
	synctest.Wait()
}

// post is inject without waiting for what follows.
func post(t *testing.T, from host.Host, to peer.ID, messages ...*pb.Message) {
	t.Helper()
	s, err := from.NewStream(t.Context(), to, pubsub.FloodSubID)
	require.NoError(t, err)
	for _, m := range messages {
		rpc, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{m}})
		require.NoError(t, err)
		if _, err := s.Write(append(binary.AppendUvarint(nil, uint64(len(rpc))), rpc...)); err != nil {
			break // the node has cut us off
		}
	}
}

// Each row is a message that a member's host forwards; only the last is anybody's statement.
func TestR6MessagesFromTheNetwork(t *testing.T) {
	w := testWallet(t, 1, 1, 2, 3)
	at := func(window chain.Height) []byte { return testPayload(w.ID(), window, "x") }
	for name, c := range map[string]struct {
		message func(t *testing.T) *pb.Message
		want    Counters
	}{
		"impersonated sender": {func(t *testing.T) *pb.Message { return forge(t, 2, w, sealed(3, at(900)), 1) }, Counters{Rejected: 1}},
		"mis-signed": {func(t *testing.T) *pb.Message {
			m := forge(t, 2, w, sealed(2, at(900)), 1)
			m.Seqno = seqno(2)
			return m
		}, Counters{Rejected: 1}},
		"unsigned": {func(t *testing.T) *pb.Message {
			m := forge(t, 2, w, sealed(2, at(900)), 1)
			m.Signature = nil
			return m
		}, Counters{Rejected: 1}},
		"malformed":           {func(t *testing.T) *pb.Message { return forge(t, 2, w, []byte{0x0a, 0x7f}, 1) }, Counters{Rejected: 1}},
		"stale":               {func(t *testing.T) *pb.Message { return forge(t, 2, w, sealed(2, at(900)), 1) }, Counters{Ignored: 1}},
		"non-member":          {func(t *testing.T) *pb.Message { return forge(t, 9, w, sealed(9, at(1800)), 1) }, Counters{Ignored: 1}},
		"another's, relayed":  {func(t *testing.T) *pb.Message { return forge(t, 3, w, sealed(3, at(1800)), 1) }, Counters{Delivered: 1}},
		"of our own key":      {func(t *testing.T) *pb.Message { return forge(t, 1, w, sealed(1, at(1800)), 1) }, Counters{Delivered: 1}},
		"the forwarder's own": {func(t *testing.T) *pb.Message { return forge(t, 2, w, sealed(2, at(1800)), 1) }, Counters{Delivered: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c2 *cluster) {
				a := c2.add(1)
				if name == "stale" {
					a.clock.set(1000)
				}
				ch := a.join(t, w)
				forwarder := c2.operatorHost(2)
				c2.connect(forwarder, a.lh)
				synctest.Wait()
				inject(t, forwarder, a.ID(), c.message(t))
				require.Equal(t, c.want, a.Counters())
				got := ch.Take(1800)
				require.Len(t, got, int(c.want.Delivered))
				require.Empty(t, ch.Take(900))
			})
		})
	}
}

// a – b – c: what a says reaches c only if b relays it.
func TestR3SecondStatementIsRelayedThroughAMiddleNode(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA, onB, onD := a.join(t, w), b.join(t, w), d.join(t, w)
		c.connect(a.lh, b.lh)
		c.connect(b.lh, d.lh)
		c.settle()
		for _, text := range []string{"to be", "not to be", "that is the question"} {
			say(t, onA, 900, text)
			c.settle()
		}
		require.Equal(t, []string{"to be", "not to be"}, said(onB.Take(900)))
		got := onD.Take(900)
		require.Equal(t, []string{"to be", "not to be"}, said(got), "two prove equivocation; a third proves nothing more")
		for _, m := range got {
			signed, err := wire.ParsePubsub(m.Signed)
			require.NoError(t, err)
			author, err := signed.Verify()
			require.NoError(t, err)
			require.Equal(t, operator(1), author.Operator())
		}
	})
}

func TestR6FloodingAuthorIsCutOff(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1, func(cfg *Config) {
			cfg.Limits = defaultLimits()
			cfg.Limits.MessageBurst = 100_000 // so that the author's budget is met, not the forwarder's
		})
		ch := a.join(t, w)
		author, other := c.operatorHost(2), c.operatorHost(3)
		c.connect(author, a.lh)
		c.connect(other, a.lh)
		synctest.Wait()
		variants := make([]*pb.Message, 2000) // the inbox's own test has 10 000
		for i := range variants {
			variants[i] = forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, fmt.Sprint(i))), uint64(i))
		}
		inject(t, other, a.ID(), variants...) // even if another forwards it, the author pays
		c.settle()
		require.Len(t, ch.Take(900), 2, "validation runs on all cores, so any two may be the first")
		require.False(t, c.connected(a.lh, author))
		require.True(t, c.connected(a.lh, other))
		require.Contains(t, a.peer(t, author).LastError, "refused until block 1800")

		// It is refused, and what it signs is dropped, until the next window.
		_, err := c.mn.ConnectPeers(author.ID(), a.ID())
		require.NoError(t, err)
		synctest.Wait()
		require.False(t, c.connected(a.lh, author))
		fresh := forge(t, 2, w, sealed(2, testPayload(w.ID(), 1800, "fresh")), 1<<40)
		before := a.Counters()
		inject(t, other, a.ID(), fresh)
		require.Empty(t, ch.Take(1800))
		before.Banned++
		require.Equal(t, before, a.Counters(), "it is dropped unread")
		a.clock.set(1800)
		_, err = c.mn.ConnectPeers(author.ID(), a.ID())
		require.NoError(t, err)
		synctest.Wait()
		require.True(t, c.connected(a.lh, author))
		inject(t, author, a.ID(), fresh)
		require.Equal(t, []string{"fresh"}, said(ch.Take(1800)))
	})
}

// a – b – d: while somebody has b see variants of one slot without end, what a repeats still goes through b to d.
func TestR6WhatIsRepeatedIsRelayedDuringAFlood(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3, 4)
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA, onB, onD := a.join(t, w), b.join(t, w), d.join(t, w)
		flooder := c.operatorHost(4)
		c.connect(a.lh, b.lh)
		c.connect(flooder, b.lh)
		c.settle()
		envelope, err := onA.Seal(testPayload(w.ID(), 900, "honest"), 1)
		require.NoError(t, err)
		require.NoError(t, onA.Publish(t.Context(), envelope))
		c.settle()
		variants := make([]*pb.Message, 100)
		for i := range variants {
			variants[i] = forge(t, 4, w, sealed(4, testPayload(w.ID(), 900, fmt.Sprint(i))), uint64(i))
		}
		inject(t, flooder, b.ID(), variants[:maxStatements+maxExcess]...) // as much as does not have him cut off
		c.connect(b.lh, d.lh)
		c.settle()
		require.Empty(t, onD.Take(900), "it came too late for what was said once")
		inject(t, flooder, b.ID(), variants[maxStatements+maxExcess:]...)
		require.NoError(t, onA.Publish(t.Context(), envelope))
		c.settle()
		require.Equal(t, []string{"honest"}, said(onD.Take(900)))
		require.Len(t, onB.Take(900), 3, "it, and two of the flood")
		require.False(t, c.connected(b.lh, flooder))
	})
}

func TestR6FloodWithOurOwnKeySparesOurSiblings(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, sibling := c.add(1), c.add(1)
		ch := a.join(t, w)
		thief := c.operatorHost(2)
		c.connect(a.lh, sibling.lh)
		c.connect(thief, a.lh)
		c.settle()
		var variants []*pb.Message
		for i := range uint64(50) {
			variants = append(variants, forge(t, 1, w, sealed(1, testPayload(w.ID(), 900, fmt.Sprint(i))), i))
		}
		inject(t, thief, a.ID(), variants...)
		c.settle()
		require.Len(t, ch.Take(900), 2)
		require.True(t, c.connected(a.lh, sibling.lh))
		say(t, ch, 1800, "we go on")
	})
}

func TestR6ReplaysAreChargedToTheForwarder(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1)
		a.clock.set(2000)
		ch := a.join(t, w)
		forwarder, author := c.operatorHost(2), c.operatorHost(3)
		c.connect(forwarder, a.lh)
		c.connect(author, a.lh)
		synctest.Wait()
		old := make([]*pb.Message, 1500)
		for i := range old {
			old[i] = forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, fmt.Sprint(i))), uint64(i))
		}
		inject(t, forwarder, a.ID(), old...)
		c.settle()
		require.False(t, c.connected(a.lh, forwarder))
		require.Equal(t, PeerRefused, a.peer(t, forwarder).State)
		require.NotZero(t, a.Counters().CutOff, "1500 messages are within the limits, so it is the charge that cuts it off")
		require.True(t, c.connected(a.lh, author), "whose old words they were is not to blame")
		require.Empty(t, ch.Take(900))
	})
}

func TestR6LimitPerPeerStandsBeforeSignatureVerification(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1, func(cfg *Config) {
			cfg.Limits = Limits{MessagesPerSecond: 1, MessageBurst: 20, BytesPerSecond: 1 << 20, ByteBurst: 1 << 20}
		})
		a.join(t, w)
		flooder := c.operatorHost(2)
		c.connect(flooder, a.lh)
		synctest.Wait()
		rubbish := make([]*pb.Message, 200)
		for i := range rubbish {
			rubbish[i] = forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, "x")), uint64(i))
			rubbish[i].Signature = []byte("rubbish")
		}
		inject(t, flooder, a.ID(), rubbish...)
		c.settle()
		got := a.Counters()
		require.LessOrEqual(t, got.Rejected, uint64(10), "20 messages of the bucket are at most 10 RPCs")
		require.NotZero(t, got.DroppedRPCs)
		require.NotZero(t, got.CutOff)
		require.False(t, c.connected(a.lh, flooder))
		time.Sleep(floodPause - 10*time.Second)
		_, err := c.mn.ConnectPeers(flooder.ID(), a.ID())
		require.NoError(t, err)
		synctest.Wait()
		require.False(t, c.connected(a.lh, flooder))
	})
}

func TestR6BytesOfOnePeerAreLimited(t *testing.T) {
	m := newMeter(Limits{MessagesPerSecond: 1000, MessageBurst: 1000, BytesPerSecond: 1 << 20, ByteBurst: 2 << 20})
	now := time.Unix(1000, 0)
	require.Equal(t, withinLimits, m.weigh(now, 2, 1<<20))
	require.Equal(t, withinLimits, m.weigh(now, 2, 1<<20))
	require.Equal(t, beyondLimits, m.weigh(now, 2, 1<<20))
	require.Equal(t, withinLimits, m.weigh(now.Add(time.Second), 2, 1<<20))
	for range strikeBurst {
		m.weigh(now.Add(time.Second), 2, 2<<20)
	}
	require.Equal(t, beyondBearing, m.weigh(now.Add(time.Second), 2, 2<<20))
}

func TestR6StrangersAreNotHeard(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1)
		ch := a.join(t, w)
		stranger := c.bareHost(instanceKey(t, 99))
		c.connect(stranger, a.lh)
		synctest.Wait()
		inject(t, stranger, a.ID(), forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, "x")), 1))
		require.Empty(t, ch.Take(900))
		require.Zero(t, a.Counters())
	})
}

// A real FloodSub node, as the reference client runs it: its peer ID is its operator's key.
func TestFloodSubPeersAreServed(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1)
		ch := a.join(t, w)
		reference := c.operatorHost(2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		flood, err := pubsub.NewFloodSub(ctx, reference)
		require.NoError(t, err)
		topic, err := flood.Join(wire.ChannelName(w.Key()))
		require.NoError(t, err)
		sub, err := topic.Subscribe()
		require.NoError(t, err)
		c.connect(reference, a.lh)
		c.settle()

		say(t, ch, 900, "to floodsub")
		m, err := sub.Next(ctx)
		require.NoError(t, err)
		require.Equal(t, peer.ID(wire.PublicKeyOf(operatorKey(1)).PeerID()), m.GetFrom())
		require.Empty(t, m.GetKey(), "the key is inside the author's peer ID")
		require.Len(t, m.GetSeqno(), 8)

		require.NoError(t, topic.Publish(ctx, sealed(2, testPayload(w.ID(), 900, "from floodsub"))))
		c.settle()
		require.Equal(t, []string{"from floodsub"}, said(ch.Take(900)))
	})
}

func TestR2SignedBytesAreKeptUnknownFieldsIncluded(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1)
		ch := a.join(t, w)
		own := c.operatorHost(2)
		c.connect(own, a.lh)
		synctest.Wait()

		m := forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, "x")), 1)
		m.Signature = nil
		m.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x05}) // field 99 = 5
		unsigned, err := proto.Marshal(m)
		require.NoError(t, err)
		m.Signature, err = own.Peerstore().PrivKey(own.ID()).Sign(append([]byte(pubsub.SignPrefix), unsigned...))
		require.NoError(t, err)
		whole, err := proto.Marshal(m)
		require.NoError(t, err)

		inject(t, own, a.ID(), m)
		got := ch.Take(900)
		require.Len(t, got, 1)
		require.Equal(t, whole, got[0].Signed)
		evidence, err := wire.ParsePubsub(got[0].Signed)
		require.NoError(t, err)
		_, err = evidence.Verify()
		require.NoError(t, err)
	})
}

// On the reference client's network there is one key: the instance is the operator.
func TestInstanceMayBeTheOperatorItself(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.addOn(c.operatorHost(2), 2)
		onA, onB := a.join(t, w), b.join(t, w)
		c.connect(b.lh, a.lh)
		c.settle()
		require.True(t, a.peer(t, b.lh).TermsKnown)
		say(t, onA, 900, "to the operator")
		say(t, onB, 900, "from the operator")
		c.settle()
		require.Equal(t, []string{"to the operator"}, said(onB.Take(900)))
		require.Equal(t, []string{"from the operator"}, said(onA.Take(900)))
	})
}

// What pubsub sends under our operator's name is byte for byte what the vectors' writer makes, seqno apart.
func TestPublishedMessagesAreBitExact(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a, b := c.add(1), c.add(2)
		onA, onB := a.join(t, w), b.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		say(t, onA, 900, "x")
		c.settle()
		got := onB.Take(900)
		require.Len(t, got, 1)
		m, err := wire.ParsePubsub(got[0].Signed)
		require.NoError(t, err)
		require.Len(t, m.Seqno(), 8)
		want := wire.SignPubsub(operatorKey(1), wire.ChannelName(w.Key()), sealed(1, got[0].Payload), m.Seqno())
		require.Equal(t, want.Bytes(), got[0].Signed)
	})
}

func TestConfiguredPeersAreAdmittedAndDialedAgain(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		bootstrap := c.bareHost(instanceKey(t, 99)) // speaks for nobody
		a := c.add(1, func(cfg *Config) {
			cfg.Peers = []string{fmt.Sprintf("%v/p2p/%v", bootstrap.Addrs()[0], bootstrap.ID())}
		})
		c.settle()
		require.Contains(t, a.peer(t, bootstrap).LastError, "dial")
		require.True(t, a.peer(t, bootstrap).Static)

		_, err := c.mn.LinkPeers(a.ID(), bootstrap.ID())
		require.NoError(t, err)
		time.Sleep(2 * lastRedial)
		synctest.Wait()
		require.Equal(t, PeerAdmitted, a.peer(t, bootstrap).State)

		require.NoError(t, c.mn.DisconnectPeers(a.ID(), bootstrap.ID())) // and somebody dials again
		synctest.Wait()
		require.Equal(t, PeerDisconnected, a.peer(t, bootstrap).State)
		time.Sleep(2 * lastRedial)
		synctest.Wait()
		require.Equal(t, PeerAdmitted, a.peer(t, bootstrap).State)
	})
}

func TestPeersFoundByMDNSAreDialed(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a := c.add(1)
		other := c.bareHost(instanceKey(t, 99))
		_, err := c.mn.LinkPeers(a.ID(), other.ID())
		require.NoError(t, err)
		peers := make(found, 1)
		go func() { _ = a.contacts.dialFound(c.ctx, peers) }()
		peers.HandlePeerFound(peer.AddrInfo{ID: a.ID()})
		synctest.Wait()
		peers.HandlePeerFound(peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()})
		peers.HandlePeerFound(peer.AddrInfo{}) // finds the queue full
		synctest.Wait()
		require.Equal(t, PeerWaiting, a.peer(t, other).State)
	})
}

func TestPublishRefusesWhatTheNetworkCannotCarry(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		ch := c.add(1).join(t, testWallet(t, 1, 1, 2))
		require.ErrorIs(t, ch.Publish(t.Context(), make([]byte, wire.MaxMessage)), wire.ErrTooLarge)
		_, err := ch.Seal(make([]byte, maxStatement), 1)
		require.ErrorIs(t, err, wire.ErrTooLarge)
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		a, b := c.add(1), c.add(2)
		a.join(t, testWallet(t, 1, 1, 2))
		c.connect(a.lh, b.lh)
		c.settle()
		a.cancel()
		require.NoError(t, <-a.done)
		require.NoError(t, a.Close(), "it may be closed again")
		_, err := a.Join(testWallet(t, 2, 1, 2))
		require.True(t, errors.Is(err, context.Canceled), "%v", err)
	})
}
