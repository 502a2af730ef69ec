package net

import (
	"bufio"
	"encoding/binary"
	"io"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// gossipper speaks GossipSub's wire format by hand.
type gossipper struct {
	t     *testing.T
	to    peer.ID
	h     host.Host
	asked []string // for these messages, in order
	out   network.Stream
}

// newGossipper makes a neighbour that keeps what it is asked for.
func newGossipper(t *testing.T, h host.Host, to peer.ID) *gossipper {
	t.Helper()
	g := &gossipper{t: t, to: to, h: h}
	h.SetStreamHandler(pubsub.GossipSubID_v11, func(s network.Stream) {
		for r := bufio.NewReader(s); ; {
			size, err := binary.ReadUvarint(r)
			if err != nil {
				return
			}
			data := make([]byte, size)
			var rpc pb.RPC
			if _, err := io.ReadFull(r, data); err != nil || proto.Unmarshal(data, &rpc) != nil {
				return
			}
			for _, want := range rpc.GetControl().GetIwant() {
				g.asked = append(g.asked, want.GetMessageIDs()...)
			}
		}
	})
	return g
}

func (g *gossipper) say(rpc *pb.RPC) {
	g.t.Helper()
	if g.out == nil {
		var err error
		g.out, err = g.h.NewStream(g.t.Context(), g.to, pubsub.GossipSubID_v11)
		require.NoError(g.t, err)
	}
	data, err := proto.Marshal(rpc)
	require.NoError(g.t, err)
	_, err = g.out.Write(append(binary.AppendUvarint(nil, uint64(len(data))), data...))
	require.NoError(g.t, err)
	synctest.Wait()
}

func (g *gossipper) have(topic string, messages ...*pb.Message) {
	g.t.Helper()
	var ids []string
	for _, m := range messages {
		id := messageID(m)
		ids = append(ids, string(id[:]))
	}
	g.say(&pb.RPC{Control: &pb.ControlMessage{Ihave: []*pb.ControlIHave{{TopicID: &topic, MessageIDs: ids}}}})
	time.Sleep(2 * time.Second) // a heartbeat
	synctest.Wait()
}

func TestWhatWasDroppedAsNeedlessIsNotAskedFor(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1)
		a.join(t, w)
		neighbour := c.operatorHost(2)
		g := newGossipper(t, neighbour, a.ID())
		c.connect(neighbour, a.lh)
		c.settle()
		envelope := sealed(3, testPayload(w.ID(), 900, "x"))
		first, again, other := forge(t, 3, w, envelope, 1), forge(t, 3, w, envelope, 2), forge(t, 3, w, envelope, 3)
		topic := first.GetTopic()
		g.say(&pb.RPC{Subscriptions: []*pb.RPC_SubOpts{{Subscribe: proto.Bool(true), Topicid: &topic}}})
		g.say(&pb.RPC{Publish: []*pb.Message{first}})
		g.say(&pb.RPC{Publish: []*pb.Message{again}})
		require.Equal(t, Counters{Delivered: 1, Known: 1}, a.Counters())

		g.have(topic, again, other)
		id := messageID(other)
		require.Equal(t, []string{string(id[:])}, g.asked, "the other one has not been seen, so nothing is known of it")

		time.Sleep(3 * spurnTurn)
		g.asked = nil
		g.have(topic, again)
		require.Len(t, g.asked, 1, "what is long ago is forgotten")
	})
}

func TestSpurnedMessagesAreBounded(t *testing.T) {
	var s spurned
	at := time.Unix(1, 0)
	for i := range 3 * maxSpurned {
		s.add([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, at)
	}
	require.LessOrEqual(t, len(s.now)+len(s.before), 2*maxSpurned)
	gossip := &pb.ControlIHave{MessageIDs: []string{string(make([]byte, 32)), "new"}}
	s.add([32]byte{}, at)
	s.sift(&pb.ControlMessage{Ihave: []*pb.ControlIHave{gossip}}, at.Add(spurnTurn))
	require.Equal(t, []string{"new"}, gossip.GetMessageIDs())
	gossip.MessageIDs = []string{string(make([]byte, 32))}
	s.sift(&pb.ControlMessage{Ihave: []*pb.ControlIHave{gossip}}, at.Add(2*spurnTurn))
	require.Len(t, gossip.GetMessageIDs(), 1)
}
