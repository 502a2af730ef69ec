package proposal

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// MessageType is the type that the envelope around a coordination message names.
const MessageType = wire.CoordinationMessage

// ErrMalformed says that bytes are no coordination message that the network accepts, or JSON none that can be
// written as one.
var ErrMalformed = errors.New("malformed coordination message")

// Message is the coordination message: what a leader says in a window (RFC 12). Who signed it is
// not inside; the pubsub message around it tells.
type Message struct {
	Sender   chain.Seat   // as claimed; 0, which is no seat, does occur
	Block    chain.Height // coordination block; any number decodes
	Wallet   chain.WalletID
	Proposal Proposal
}

// EncodeMessage writes the message's one canonical form, byte for byte as the network's other clients do.
func EncodeMessage(m Message) []byte {
	return marshal(&pb.CoordinationMessage{
		SenderId:            uint32(m.Sender),
		CoordinationBlock:   uint64(m.Block),
		WalletPublicKeyHash: m.Wallet[:],
		Proposal: &pb.CoordinationProposal{
			ActionType: uint32(m.Proposal.Kind()),
			Payload:    encodePayload(m.Proposal),
		},
	})
}

// DecodeMessage reads a coordination message, accepting exactly what the network's other clients accept: another
// rule here would split the followers. So it tolerates unknown fields, varints that are cut to 32 bits, repeated
// and reordered fields and non-canonical fees. Beyond that it refuses what cannot have arrived: more than
// wire.MaxMessage bytes. Errors are ErrMalformed.
func DecodeMessage(data []byte) (Message, error) {
	if len(data) > wire.MaxMessage {
		return Message{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(data))
	}
	var raw pb.CoordinationMessage
	if err := proto.Unmarshal(data, &raw); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if raw.GetSenderId() > chain.MaxSeats {
		return Message{}, fmt.Errorf("%w: sender seat %d", ErrMalformed, raw.GetSenderId())
	}
	if n := len(raw.GetWalletPublicKeyHash()); n != len(chain.WalletID{}) {
		return Message{}, fmt.Errorf("%w: wallet public key hash of %d bytes", ErrMalformed, n)
	}
	if raw.GetProposal() == nil {
		return Message{}, fmt.Errorf("%w: no proposal", ErrMalformed)
	}
	p, err := decodeProposal(raw.GetProposal())
	if err != nil {
		return Message{}, err
	}
	return Message{
		Sender:   chain.Seat(raw.GetSenderId()), //nolint:gosec // bounded above
		Block:    chain.Height(raw.GetCoordinationBlock()),
		Wallet:   chain.WalletID(raw.GetWalletPublicKeyHash()),
		Proposal: p,
	}, nil
}

func decodeProposal(raw *pb.CoordinationProposal) (Proposal, error) {
	if raw.GetActionType() >= uint32(len(kinds)) {
		return nil, fmt.Errorf("%w: action %d", ErrMalformed, raw.GetActionType())
	}
	kind := Kind(raw.GetActionType()) //nolint:gosec // bounded above
	p, err := decodePayload(kind, raw.GetPayload())
	if err != nil {
		return nil, fmt.Errorf("%w: %v proposal: %w", ErrMalformed, kind, err)
	}
	return p, nil
}

// Digest identifies the statement that the message makes (rule R2): the SHA-256 hash of its canonical form. Two
// messages have equal digests exactly if wallet, block, sender and proposal are equal; unknown fields and the
// spelling of fees do not count.
func (m Message) Digest() [32]byte { return sha256.Sum256(EncodeMessage(m)) }

// HeartbeatMessage makes the message of a heartbeat proposed at height: eight bytes 0xff, then the first eight of
// SHA256(wallet || height as 64 bits big endian).
func HeartbeatMessage(wallet chain.WalletID, height chain.Height) [16]byte {
	tail := sha256.Sum256(bigEndian(wallet[:], height))
	message := [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	copy(message[8:], tail[:8])
	return message
}
