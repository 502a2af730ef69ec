package net

import (
	"encoding/binary"
	"errors"
	"syscall"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/wire"
)

// Heads of 99 others as they come after a window, from the bytes of the RPC until they lie in the inbox, and then their repetitions for 40 minutes, each
// signed anew, as if we were the neighbour of everybody: with the memory that heads have, and with the default.
//
//	go test ./net -run '^$' -bench RepeatedHeads -benchtime 5x
func BenchmarkRepeatedHeads(b *testing.B) {
	const others, size = 99, 100
	cfg := TopicConfig{Name: "/walletnode/heads/1", MaxMessage: 256, PerOperator: 16, Repeat: 30 * time.Second}
	for n := range others + 1 {
		cfg.Operators = append(cfg.Operators, work.Operator(n))
	}
	var pauses []time.Duration // between repetitions
	first, longest := cfg.repeat()
	for pause, all := first, first; all < 40*time.Minute; all += pause {
		pauses = append(pauses, pause)
		pause = min(2*pause, longest)
	}
	rpcs := make([][][]byte, len(pauses)+1) // by the time at which they are said
	for i := range rpcs {
		for n := range others + 1 {
			if n == 1 {
				continue // ourselves
			}
			message := new(pb.Message)
			data := binary.BigEndian.AppendUint64(make([]byte, size-8), uint64(n))
			require.NoError(b, proto.Unmarshal(wire.SignPubsub(work.OperatorKey(n), cfg.Name, data, seqno(uint64(i+1))).Bytes(), message))
			rpc, err := proto.Marshal(&pb.RPC{Publish: []*pb.Message{message}})
			require.NoError(b, err)
			rpcs[i] = append(rpcs[i], rpc)
		}
	}
	for name, memory := range map[string]time.Duration{"heads": 30 * time.Minute, "default": 0} {
		b.Run(name, func(b *testing.B) {
			cfg := cfg
			cfg.Memory = memory
			h, forwarder := heardFrom(b, 0)
			topic, err := h.OpenTopic(cfg)
			require.NoError(b, err)
			require.Eventually(b, func() bool { return h.table.admits(forwarder) }, 10*time.Second, time.Millisecond)
			var once, again time.Duration
			verified := 0
			hear := func(all [][]byte) time.Duration {
				began := processorTime(b)
				for _, rpc := range all {
					h.table.peers[forwarder].meter = newMeter(defaultLimits())
					fresh, err := heardFromBytes(b, h, topic, rpc)
					require.NoError(b, err)
					if fresh {
						verified++
					}
				}
				return processorTime(b) - began
			}
			for b.Loop() {
				topic.inbox = newTopicInbox(cfg, newLedger(maxHeld), newLedger(maxHeld), h.table.keys)
				once += hear(rpcs[0])
				for range others {
					_, err := topic.Next(b.Context())
					require.NoError(b, err)
				}
				for i, pause := range pauses {
					topic.inbox.age(pause)
					again += hear(rpcs[i+1])
				}
			}
			b.ReportMetric(once.Seconds()/float64(b.N), "cpu-s/heads")
			b.ReportMetric(again.Seconds()/float64(b.N), "cpu-s/repetitions")
			b.ReportMetric(float64(verified)/float64(b.N)/others, "verified/head")
			require.NoError(b, topic.Close())
		})
	}
}

// heardFromBytes is topicFromBytes for what may be dropped before it is verified; false if it is.
func heardFromBytes(b *testing.B, h *Host, topic *Topic, data []byte) (bool, error) {
	rpc := new(pubsub.RPC)
	if err := proto.Unmarshal(data, &rpc.RPC); err != nil {
		return false, err
	}
	forwarder := h.host.Network().Peers()[0]
	if err := h.traffic.inspectRPC(forwarder, rpc); err != nil || len(rpc.GetPublish()) == 0 {
		return false, err
	}
	msg := &pubsub.Message{Message: rpc.GetPublish()[0], ReceivedFrom: forwarder}
	id := h.traffic.flights.id(msg.Message)
	msg.ID = string(id[:])
	if err := verify(msg.Message); err != nil {
		return false, err
	}
	tracer{h.traffic}.ValidateMessage(msg)
	if topic.validate(b.Context(), forwarder, msg) != pubsub.ValidationAccept {
		return false, errors.New("not accepted")
	}
	return true, nil
}

// age lets time pass for an inbox.
func (b *TopicInbox) age(by time.Duration) {
	for _, v := range b.voices {
		for _, u := range v.said {
			u.heard, u.copied = u.heard.Add(-by), u.copied.Add(-by)
		}
	}
}

// processorTime is what the process has taken so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
