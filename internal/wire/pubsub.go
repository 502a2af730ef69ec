package wire

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire/pb"
)

// ErrSignature says that a pubsub message is not signed by the author it names.
var ErrSignature = errors.New("bad signature")

// signPrefix keeps a pubsub signature from being one of anything else.
const signPrefix = "libp2p-pubsub:"

// PubsubMessage is a signed pubsub message: the outermost form of a statement, and the evidence of it (rule R2).
// Every field is kept, unknown ones included, so that the signed bytes can be built again. ParsePubsub and
// SignPubsub make one; the zero value is none and has no methods to call.
type PubsubMessage struct{ msg *pb.PubsubMessage }

// ParsePubsub reads a whole pubsub message. It does not check the signature. The bytes are copied.
func ParsePubsub(data []byte) (PubsubMessage, error) {
	if len(data) > MaxMessage {
		return PubsubMessage{}, fmt.Errorf("%w: pubsub message of %d bytes", ErrTooLarge, len(data))
	}
	msg := new(pb.PubsubMessage)
	if err := proto.Unmarshal(data, msg); err != nil {
		return PubsubMessage{}, fmt.Errorf("%w: pubsub message: %w", ErrMalformed, err)
	}
	return PubsubMessage{msg}, nil
}

// SignPubsub makes the message that the operator of key says on a topic. It is deterministic (RFC 6979): equal
// arguments give equal bytes. seqno is pubsub's own sequence number, 8 bytes big endian; not the envelope's.
func SignPubsub(key *secp256k1.PrivateKey, topic string, data, seqno []byte) PubsubMessage {
	m := PubsubMessage{&pb.PubsubMessage{
		From:  PublicKeyOf(key).PeerID(),
		Data:  bytes.Clone(data),
		Seqno: bytes.Clone(seqno),
		Topic: &topic,
	}}
	digest := m.ID()
	m.msg.Signature = ecdsa.Sign(key, digest[:]).Serialize()
	return m
}

// From returns the author's peer ID in bytes, as the message names it.
func (m PubsubMessage) From() []byte { return bytes.Clone(m.msg.GetFrom()) }

// Data returns what the message carries: an envelope.
func (m PubsubMessage) Data() []byte { return bytes.Clone(m.msg.GetData()) }

// Seqno returns pubsub's sequence number: 8 bytes, big endian, if the author is honest.
func (m PubsubMessage) Seqno() []byte { return bytes.Clone(m.msg.GetSeqno()) }

// Topic returns the topic.
func (m PubsubMessage) Topic() string { return m.msg.GetTopic() }

// Signature returns the signature in DER.
func (m PubsubMessage) Signature() []byte { return bytes.Clone(m.msg.GetSignature()) }

// Bytes returns the encoded message, fields in ascending order and unknown ones at the end, as pubsub sends it.
func (m PubsubMessage) Bytes() []byte { return mustMarshal(m.msg) }

// SignedBytes returns what the author signed: "libp2p-pubsub:" and the message without signature and key.
func (m PubsubMessage) SignedBytes() []byte {
	bare := proto.CloneOf(m.msg)
	bare.Signature, bare.Key = nil, nil
	return append([]byte(signPrefix), mustMarshal(bare)...)
}

// ID returns the digest under the signature. Messages of one ID differ in signature and key at most, which anybody who
// forwards them can change.
func (m PubsubMessage) ID() [32]byte { return sha256.Sum256(m.SignedBytes()) }

// Verify checks the signature with the key inside the author's peer ID and returns that key. Like the network it
// accepts an s above half the group's order. A key field, if there is one, must hold the same key.
func (m PubsubMessage) Verify() (PublicKey, error) {
	author, err := ParsePeerID(m.msg.GetFrom())
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if m.msg.Key != nil {
		attached, err := ParseLibp2pKey(m.msg.Key)
		if err != nil {
			return PublicKey{}, fmt.Errorf("%w: key field: %w", ErrSignature, err)
		}
		if attached != author {
			return PublicKey{}, fmt.Errorf("%w: key field is not the author's", ErrSignature)
		}
	}
	if err := m.verify(author); err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return author, nil
}

// VerifyBy does what Verify does for an author whose key was read before, and does not look at the key field, which no signature
// covers.
func (m PubsubMessage) VerifyBy(a Author) error {
	if !bytes.Equal(m.msg.GetFrom(), a.peerID) {
		return fmt.Errorf("%w: not by %v", ErrSignature, a.Operator)
	}
	if err := m.verify(a.Key); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

func (m PubsubMessage) verify(author PublicKey) error {
	ok, err := VerifyDER(author, m.ID(), m.msg.GetSignature())
	if err == nil && !ok {
		err = fmt.Errorf("not by %v", author.Operator())
	}
	return err
}

// NormalizeLowS returns the encoded message in the form in which it is stored as evidence (rule R2): s in the lower
// half of the group's order, no key field (the key is inside from). Both can be changed by anyone who forwards
// the message; with them fixed, one signature over one content is one row of bytes. It fails on a signature that
// is not DER; it does not verify.
func (m PubsubMessage) NormalizeLowS() ([]byte, error) {
	signature, err := ecdsa.ParseDERSignature(m.msg.GetSignature())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	low := signature.Serialize() // writes the low one of s and n-s
	if m.msg.Key == nil && bytes.Equal(low, m.msg.GetSignature()) {
		return m.Bytes(), nil // as nearly everybody sends it
	}
	normal := proto.CloneOf(m.msg)
	normal.Key, normal.Signature = nil, low
	return mustMarshal(normal), nil
}

// Normalize returns the form of an encoded pubsub message in which it is stored: what NormalizeLowS writes of it. What
// has that form already, as nearly everything has, is returned as it is: the same bytes, not a copy.
func Normalize(message []byte) ([]byte, error) {
	if isNormal(message) {
		return message, nil
	}
	m, err := ParsePubsub(message)
	if err != nil {
		return nil, err
	}
	return m.NormalizeLowS()
}

// isNormal reports whether a message is spelled as NormalizeLowS writes it. Fields may be absent, and here that is not
// the same as empty; a message with unknown fields is left to the long way.
func isNormal(message []byte) bool {
	if len(message) > MaxMessage {
		return false
	}
	s := NewScan(message)
	for field := byte(1); field <= 4; field++ { // from, data, seqno, topic
		s.Bytes(field<<3 | 2)
	}
	der, _ := s.Bytes(5<<3 | 2)
	if !s.Done() {
		return false
	}
	signature, err := ecdsa.ParseDERSignature(der)
	return err == nil && bytes.Equal(signature.Serialize(), der) // Serialize writes the low one of s and n-s
}
