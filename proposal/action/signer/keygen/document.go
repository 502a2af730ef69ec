package keygen

import (
	"bytes"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// The topics on which documents are signed. Nothing is ever published on them.
const (
	invitationTopic  = "/walletnode/keygen/invitation/1"
	acceptanceTopic  = "/walletnode/keygen/acceptance/1"
	attestationTopic = "/walletnode/keygen/attestation/1"
)

// MaxDocument is the most bytes of a signed document: an attestation of 255 seats has 15 kB.
const MaxDocument = 32 << 10

// noSequence is the sequence number of documents: they are messages that are not in any sequence.
var noSequence = make([]byte, 8)

// signDocument makes a document; equal contents give equal bytes.
func signDocument(key *secp256k1.PrivateKey, topic string, content proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(content)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", content, err)) // only text that is not UTF-8, and there is none in ours
	}
	return wire.SignPubsub(key, topic, data, noSequence).Bytes()
}

// readDocument reads a document into content, checks that it has the one form in which signDocument makes it, and returns
// who signed it.
func readDocument(signed []byte, topic string, content proto.Message) (chain.Operator, error) {
	if len(signed) > MaxDocument {
		return chain.Operator{}, fmt.Errorf("%w: %d bytes, want %d at most", ErrDocument, len(signed), MaxDocument)
	}
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return chain.Operator{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	if message.Topic() != topic {
		return chain.Operator{}, fmt.Errorf("%w: signed as something else: %.80q", ErrDocument, message.Topic())
	}
	author, err := message.Verify()
	if err != nil {
		return chain.Operator{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	normal, err := message.NormalizeLowS()
	if err != nil {
		return chain.Operator{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	data := message.Data()
	if err := proto.Unmarshal(data, content); err != nil {
		return chain.Operator{}, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	// Unknown fields are the only thing that encoding again would keep.
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(content)
	if err != nil || !bytes.Equal(again, data) || len(content.ProtoReflect().GetUnknown()) > 0 ||
		!bytes.Equal(normal, signed) || !bytes.Equal(message.Seqno(), noSequence) || !bare(signed, message, topic) {
		return chain.Operator{}, fmt.Errorf("%w: not in its one form", ErrDocument)
	}
	return author.Operator(), nil
}

// bare reports whether a message has no fields but those that are checked elsewhere.
func bare(signed []byte, m wire.PubsubMessage, topic string) bool {
	s := wire.NewScan(signed)
	for i, want := range [][]byte{m.From(), m.Data(), m.Seqno(), []byte(topic), m.Signature()} {
		field, ok := s.Bytes(byte(i+1)<<3 | 2)
		if !ok || !bytes.Equal(field, want) {
			return false
		}
	}
	return s.Done()
}
