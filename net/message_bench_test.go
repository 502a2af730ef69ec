package net

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bench/timing"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/proposal"
)

// One message, from the bytes of the RPC to the verdict, beside the signature verification that it contains: all that
// pubsub does to verify (key out of the peer ID, copy, encoding, ECDSA), and the ECDSA alone. Medians are over the rounds
// of all loops.
//
//	go test ./net -run '^$' -bench Message -benchtime 5x
func BenchmarkMessage(b *testing.B) {
	wallets, err := work.Wallets(1, 5)
	require.NoError(b, err)
	wallet := wallets[0]
	h, forwarder := heardFrom(b, 0)
	ch, err := h.Join(wallet)
	require.NoError(b, err)
	require.Eventually(b, func() bool { return h.table.admits(forwarder) }, 10*time.Second, time.Millisecond)
	for name, p := range map[string]proposal.Proposal{"Noop": proposal.Noop{}, "Redemption": work.Redemption()} {
		signed, err := work.Sign(wallet, p, seqno(1))
		require.NoError(b, err)
		var unheard []*Inbox
		prepare := func() { // no message's cost: a wallet that has heard nothing yet, and an author heard in another one
			held := newLedger(maxHeld)
			held.hold(work.Operator(0), 1)
			held.relay(work.Operator(0), 1, time.Now())
			unheard = append(unheard, newInbox(wallet, h.inboxes.schedule, h.inboxes.inspect, held, h.table.keys, Ear{}))
			h.table.peers[forwarder].meter = newMeter(defaultLimits())
		}
		whole := func() {
			last := len(unheard) - 1
			ch.inbox, unheard = unheard[last], unheard[:last]
			if err := fromBytes(b, h, ch, forwarder, signed.RPC); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(name, func(b *testing.B) {
			var r timing.Rounds
			for b.Loop() {
				r.Run(5, prepare, whole, func() { _ = verify(signed.Message) }, func() { signed.VerifyBare() })
			}
			t := r.Medians()
			b.ReportMetric(t.Ratio(1, 2), "x-verification")
			b.ReportMetric(t.Ratio(1, 3), "x-ecdsa")
			b.ReportMetric(float64(t[1].Nanoseconds()), "ns/message")
		})
	}
}

// heardFrom is a host of operator 1 that is connected with operator n, whose peer ID is its own key.
func heardFrom(b *testing.B, n int) (*Host, peer.ID) {
	b.Helper()
	mn := mocknet.New()
	b.Cleanup(func() { require.NoError(b, mn.Close()) })
	key, err := crypto.UnmarshalSecp256k1PrivateKey(work.OperatorKey(n).Serialize())
	require.NoError(b, err)
	keys := []crypto.PrivKey{instanceKey(b, 1), key}
	ids := make([]peer.ID, len(keys))
	for i, k := range keys {
		lh, err := mn.AddPeer(k, ma.StringCast(fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", i+1)))
		require.NoError(b, err)
		ids[i] = lh.ID()
	}
	h, err := NewWithHost(mn.Host(ids[0]), Config{Operator: work.OperatorKey(1), Schedule: testSchedule}, Deps{
		Height: func() chain.Height { return 900 }, Log: slog.New(slog.DiscardHandler),
		Inspect: func(payload []byte) (Slot, error) { // as internal/node has it
			m, err := proposal.ReadHeading(payload)
			if err != nil {
				return Slot{}, err
			}
			return Slot{Wallet: m.Wallet, Window: m.Block, Seat: m.Sender, Digest: m.Digest}, nil
		},
	})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, h.Close()) })
	require.NoError(b, mn.LinkAll())
	_, err = mn.ConnectPeers(ids[1], ids[0])
	require.NoError(b, err)
	return h, ids[1]
}

// fromBytes does what the node does with an RPC, step by step as pubsub calls it: it names a message before it verifies it.
func fromBytes(b *testing.B, h *Host, ch *Channel, from peer.ID, data []byte) error {
	rpc := new(pubsub.RPC)
	if err := proto.Unmarshal(data, &rpc.RPC); err != nil {
		return err
	}
	if err := h.traffic.inspectRPC(from, rpc); err != nil || len(rpc.GetPublish()) != 1 {
		return fmt.Errorf("inspected, and %d left: %w", len(rpc.GetPublish()), err)
	}
	msg := &pubsub.Message{Message: rpc.GetPublish()[0], ReceivedFrom: from}
	id := h.traffic.flights.id(msg.Message) // as newPubSub has it
	msg.ID = string(id[:])
	if err := verify(msg.Message); err != nil {
		return err
	}
	tracer{h.traffic}.ValidateMessage(msg)
	if ch.validate(b.Context(), from, msg) != pubsub.ValidationAccept {
		return errors.New("not accepted")
	}
	return nil
}

// verify is pubsub's verification of a signature, which it does not export.
func verify(m *pb.Message) error {
	key, err := peer.ID(m.GetFrom()).ExtractPublicKey()
	if err != nil {
		return err
	}
	bare := proto.CloneOf(m)
	bare.Signature, bare.Key = nil, nil
	data, err := proto.Marshal(bare)
	if err != nil {
		return err
	}
	if ok, err := key.Verify(append([]byte(pubsub.SignPrefix), data...), m.GetSignature()); err != nil || !ok {
		return fmt.Errorf("bad signature: %w", err)
	}
	return nil
}
