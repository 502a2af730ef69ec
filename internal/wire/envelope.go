package wire

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire/pb"
)

// CoordinationMessage is the type of the one message that travels on a coordination channel.
const CoordinationMessage = "tbtc/coordination_message"

// MaxMessage is the most bytes of a pubsub message, and so of everything inside one: 1 MiB, the network's default.
const MaxMessage = 1 << 20

// Errors of envelopes and signed messages, told apart with errors.Is. A forwarder is to blame for each of them
// (rule R6).
var (
	// ErrTooLarge says that a message is longer than MaxMessage.
	ErrTooLarge = errors.New("message is too large")
	// ErrMalformed says that bytes are no protobuf, or lack what they must have.
	ErrMalformed = errors.New("malformed message")
	// ErrMessageType says that an envelope holds something other than a coordination message.
	ErrMessageType = errors.New("unknown message type")
	// ErrSender says that the sender named in the envelope is not the author who signed it.
	ErrSender = errors.New("sender is not the author")
)

// Envelope is what surrounds a payload on a wallet's channel.
type Envelope struct {
	Sender   PublicKey
	Payload  []byte
	Type     string
	Sequence uint64 // per channel and process, from 1; retransmissions repeat it
}

// EncodeEnvelope writes the envelope byte for byte as the network's other clients do.
func EncodeEnvelope(e Envelope) []byte {
	return mustMarshal(&pb.BroadcastNetworkMessage{
		Sender:         e.Sender.Sender(),
		Payload:        e.Payload,
		Type:           []byte(e.Type),
		SequenceNumber: e.Sequence,
	})
}

// DecodeEnvelope reads an envelope that arrived in a pubsub message of the author from, a peer ID in bytes. It
// checks in the network's order: encoding, type, sender's key, sender against author. The payload stands between
// the type and the sender there, but a bad one ends as all of these do, so the caller decodes it afterwards. The
// payload is a copy.
func DecodeEnvelope(data, from []byte) (Envelope, error) {
	return decodeEnvelope(data, func(field []byte) (PublicKey, error) { return checkSender(field, from) })
}

// checkSender reads the envelope's sender and compares it with the author.
func checkSender(field, from []byte) (PublicKey, error) {
	sender, err := ParseSender(field)
	if err == nil && !bytes.Equal(sender.PeerID(), from) {
		err = fmt.Errorf("%w: envelope names %v", ErrSender, sender.Operator())
	}
	return sender, err
}

func decodeEnvelope(data []byte, readSender func(field []byte) (PublicKey, error)) (Envelope, error) {
	if len(data) > MaxMessage {
		return Envelope{}, fmt.Errorf("%w: envelope of %d bytes", ErrTooLarge, len(data))
	}
	var outer pb.BroadcastNetworkMessage
	if err := proto.Unmarshal(data, &outer); err != nil {
		return Envelope{}, fmt.Errorf("%w: envelope: %w", ErrMalformed, err)
	}
	if string(outer.GetType()) != CoordinationMessage {
		return Envelope{}, fmt.Errorf("%w %.64q", ErrMessageType, outer.GetType())
	}
	sender, err := readSender(outer.GetSender())
	if err != nil {
		return Envelope{}, err
	}
	return Envelope{
		Sender:   sender,
		Payload:  outer.GetPayload(),
		Type:     CoordinationMessage,
		Sequence: outer.GetSequenceNumber(),
	}, nil
}
