package net

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bench/timing"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/wire"
)

// One message of a topic, from the bytes of the RPC until it lies in the inbox, beside the verification that it contains,
// as BenchmarkMessage does it.
//
//	go test ./net -run '^$' -bench Topic -benchtime 5x
func BenchmarkTopicMessage(b *testing.B) {
	h, forwarder := heardFrom(b, 0)
	cfg := TopicConfig{
		Name: testTopicName, Operators: []chain.Operator{work.Operator(0), work.Operator(1)}, MaxMessage: MaxTopicMessage, PerOperator: 64,
	}
	topic, err := h.OpenTopic(cfg)
	require.NoError(b, err)
	require.Eventually(b, func() bool { return h.table.admits(forwarder) }, 10*time.Second, time.Millisecond)
	for name, size := range map[string]int{"1KiB": 1 << 10, "100KiB": 100 << 10} {
		data := make([]byte, size)
		_, _ = rand.Read(data) // never fails
		message := new(pb.Message)
		require.NoError(b, proto.Unmarshal(wire.SignPubsub(work.OperatorKey(0), cfg.Name, data, seqno(1)).Bytes(), message))
		rpc, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{message}})
		require.NoError(b, err)
		prepare := func() { // a topic where nothing was said yet
			topic.inbox = newTopicInbox(cfg, newLedger(maxHeld), newLedger(maxHeld), h.table.keys)
			h.table.peers[forwarder].meter = newMeter(defaultLimits())
		}
		whole := func() {
			if err := topicFromBytes(b.Context(), h, topic, rpc); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			var r timing.Rounds
			for b.Loop() {
				r.Run(1, prepare, whole, func() { _ = verify(message) })
			}
			t := r.Medians()
			b.ReportMetric(t.Ratio(1, 2), "x-verification")
			b.ReportMetric(float64(t[1].Nanoseconds()), "ns/message")
		})
	}
}

// topicFromBytes is fromBytes for a topic.
func topicFromBytes(ctx context.Context, h *Host, topic *Topic, data []byte) error {
	rpc := new(pubsub.RPC)
	if err := proto.Unmarshal(data, &rpc.RPC); err != nil {
		return err
	}
	forwarder := h.host.Network().Peers()[0]
	if err := h.traffic.inspectRPC(forwarder, rpc); err != nil || len(rpc.GetPublish()) != 1 {
		return errors.Join(errors.New("not one message is left"), err)
	}
	msg := &pubsub.Message{Message: rpc.GetPublish()[0], ReceivedFrom: forwarder}
	id := h.traffic.flights.id(msg.Message)
	msg.ID = string(id[:])
	if err := verify(msg.Message); err != nil {
		return err
	}
	tracer{h.traffic}.ValidateMessage(msg)
	if topic.validate(ctx, forwarder, msg) != pubsub.ValidationAccept {
		return errors.New("not accepted")
	}
	return nil
}
