package net

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
)

// passed is the n-th message of an author.
func passed(author string, n uint64) *pb.Message {
	topic := "topic"
	return &pb.Message{From: []byte(author), Seqno: seqno(n), Topic: &topic}
}

func TestRelayingIsCountedByNeighbour(t *testing.T) {
	var r relays
	now := time.Unix(1_800_000_000, 0)
	for _, id := range []peer.ID{"quick", "slow", "silent"} {
		r.graft(id, "topic", now)
	}
	r.graft("elsewhere", "other topic", now)
	for n := range uint64(10) {
		now = now.Add(5 * time.Second)
		r.first(passed("author", n), "quick", now)
		r.again(passed("author", n), "quick", now) // once more is nothing
		r.again(passed("author", 1000+n), "slow", now)
	}
	now = now.Add(5 * time.Second)
	r.graft("newcomer", "topic", now)
	for n := range uint64(10) {
		r.again(passed("author", 9-n), "slow", now)
	}
	now = now.Add(judgement)
	require.Equal(t, Relaying{Forwarded: 10}, r.of("quick", now))
	require.Equal(t, Relaying{Forwarded: 10, Late: 5, Reordered: 9}, r.of("slow", now), "five of them came after more than 30 s")
	require.Equal(t, Relaying{Missing: 10}, r.of("silent", now))
	require.Zero(t, r.of("elsewhere", now))
	require.Zero(t, r.of("newcomer", now), "it came when they had been said")
	require.Empty(t, r.passages)
	require.Empty(t, r.order)

	r.gone("quick")
	r.prune("slow", "topic")
	r.leave("topic")
	r.first(passed("author", 99), "stranger", now)
	require.Equal(t, Relaying{Missing: 10}, r.of("silent", now.Add(judgement)))
}

// Whoever floods, under his own name or others', has us remember so much and no more.
func TestWhatIsRememberedOfRelayingIsBounded(t *testing.T) {
	var r relays
	now := time.Unix(1_800_000_000, 0)
	for n := range uint64(2 * maxPassages) {
		r.first(passed(fmt.Sprint("author", n%maxStreams), n), peer.ID(fmt.Sprint(n%(3*maxPeers))), now)
		require.LessOrEqual(t, len(r.passages), maxPassages)
		require.Equal(t, len(r.passages), len(r.order))
		require.LessOrEqual(t, len(r.newest), maxStreams)
		require.LessOrEqual(t, len(r.peers), 2*maxPeers)
	}
	r.again(&pb.Message{From: []byte("author"), Seqno: []byte("short")}, "x", now)
	r.again(passed("nobody", 1), "x", now)
	require.NotContains(t, r.peers, peer.ID("x"), "what was never verified counts for nothing")
}

// a hears b through f, which relays, and e, which is a neighbour of both and passes nothing on.
func TestANeighbourThatDropsWhatItHearsIsSeen(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3, 4)
		a, b, f := c.add(1), c.add(2), c.add(3)
		a.join(t, w)
		onB := b.join(t, w)
		f.join(t, w)
		dropper := c.operatorHost(4)
		c.connect(a.lh, f.lh)
		c.connect(b.lh, f.lh)
		c.connect(a.lh, dropper)
		c.settle()
		a.traffic.relays.graft(dropper.ID(), onB.topic.String(), time.Now()) // it took the graft, and does no gossip
		c.settle()
		for n := range 20 {
			say(t, onB, 900, fmt.Sprint(n%2))
			time.Sleep(5 * time.Second)
		}
		time.Sleep(2 * judgement)
		require.Equal(t, Relaying{Missing: 2}, a.peer(t, dropper).Relaying, "of two statements; retransmissions are known and not followed")
		require.Equal(t, Relaying{Forwarded: 2}, a.peer(t, f.lh).Relaying)
	})
}
