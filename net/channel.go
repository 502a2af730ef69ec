package net

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Errors about channels, told apart with errors.Is.
var (
	// ErrJoined says that the wallet's channel is joined already.
	ErrJoined = errors.New("channel is joined already")
	// ErrLeft says that the wallet's channel is not joined, or was left.
	ErrLeft = errors.New("channel is not joined")
)

// frameMargin is more than pubsub's frame needs beside the envelope: author, topic, signature; some 400 bytes.
const frameMargin = 1 << 10

// Channel is one wallet's broadcast channel. It has neither a goroutine nor a queue of its own.
type Channel struct {
	line
	wallet chain.Wallet
	roster [32]byte
	inbox  *Inbox
}

func (c *Channel) needless(m *pb.Message, height chain.Height) bool {
	return c.inbox.redundant(m.GetFrom(), m.GetData(), func() [32]byte { return messageID(m) }, height, c.reach())
}

// Join joins a wallet's channel: from now on its messages are validated, kept and relayed, and its operators are
// admitted. Join early: before the first window, not in it. It fails with ErrJoined if that was done before.
func (h *Host) Join(wallet chain.Wallet) (*Channel, error) {
	h.joining.Lock()
	defer h.joining.Unlock()
	c := &Channel{
		line:   line{host: h, name: wire.ChannelName(wallet.Key()), about: slog.Any("wallet", wallet.ID())},
		wallet: wallet,
		roster: rosterDigest(wallet),
		inbox:  h.inboxes.ofWallet(wallet),
	}
	if err := h.table.join(c, time.Now()); err != nil {
		return nil, err
	}
	if err := c.open(c.validate); err != nil {
		h.table.leave(c, time.Now())
		return nil, err
	}
	h.admission.nudge()
	return c, nil
}

// Leave leaves a wallet's channel: its untaken messages are gone, and operators that share no other wallet with us are
// cut off. ErrLeft if it is not joined.
func (h *Host) Leave(wallet chain.WalletID) error {
	h.joining.Lock()
	defer h.joining.Unlock()
	c := h.table.channel(wallet)
	if c == nil {
		return fmt.Errorf("%w: %v", ErrLeft, wallet)
	}
	h.table.leave(c, time.Now())
	if err := c.close(); err != nil {
		return fmt.Errorf("leave topic: %w", err)
	}
	h.admission.nudge()
	return nil
}

// validate is the topic validator (rule R6).
func (c *Channel) validate(_ context.Context, forwarder peer.ID, msg *pubsub.Message) pubsub.ValidationResult {
	return c.examine(forwarder, msg, c.inbox.Offer, "forwarded what is long over")
}

// encode writes the signed message as pubsub sends it: fields in ascending order, unknown ones at the end. Those are
// also the bytes, less signature and key, over which every verifier checks the signature.
func encode(msg *pubsub.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(msg.Message)
	if err != nil {
		return nil // cannot be: pubsub marshalled the same message to verify it
	}
	return data
}

// Wallet returns the channel's wallet.
func (c *Channel) Wallet() chain.Wallet { return c.wallet }

// Take removes and returns every accepted message that has arrived for a window (its coordination block), in the
// order of arrival. It never blocks; nil if there is none. Of each author there are at most two, which then differ.
func (c *Channel) Take(window chain.Height) []Message { return c.inbox.Take(window) }

// Arrived returns a channel that is closed when the next message arrives. Take it before calling Take, or a message in
// between goes unseen.
func (c *Channel) Arrived() <-chan struct{} { return c.inbox.Arrived() }

// Seal puts a coordination message into an envelope from our operator. Sequence counts the operator's messages
// on the channel, from 1; a retransmission repeats the envelope, sequence included.
func (c *Channel) Seal(payload []byte, sequence uint64) ([]byte, error) {
	envelope := Seal(c.host.key, payload, sequence)
	if len(envelope) > MaxEnvelope {
		return nil, fmt.Errorf("seal message: %w: %d bytes", wire.ErrTooLarge, len(envelope))
	}
	return envelope, nil
}

// Seal encodes the envelope of a coordination message.
func Seal(sender wire.PublicKey, payload []byte, sequence uint64) []byte {
	return wire.EncodeEnvelope(wire.Envelope{
		Sender:   sender,
		Payload:  bytes.Clone(payload),
		Type:     wire.CoordinationMessage,
		Sequence: sequence,
	})
}

// Publish signs an envelope as a new pubsub message and sends it to the channel. What it publishes is not delivered to
// itself; what others sign with our operator's key is.
func (c *Channel) Publish(ctx context.Context, envelope []byte) error {
	if len(envelope) > MaxEnvelope { // nobody would keep it, and we would be cut off for it
		return fmt.Errorf("publish: %w: %d bytes", wire.ErrTooLarge, len(envelope))
	}
	if err := c.topic.Publish(ctx, envelope); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// Mismatched reports whether an instance of the operator runs with other protocol parameters, or another roster of
// this wallet, than we do. False also if nothing is known, as of operators we never met.
func (c *Channel) Mismatched(op chain.Operator) bool {
	return c.host.table.mismatched(op, c, time.Now())
}
