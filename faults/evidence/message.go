package evidence

import (
	"bytes"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// normalize reads a message and gives it the form in which it is evidence. The key field goes before anything is
// verified: whoever forwards a message can attach a wrong one.
func normalize(signed []byte) (wire.PubsubMessage, error) {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return wire.PubsubMessage{}, refuse(Malformed, "message: %w", err)
	}
	normal, err := message.NormalizeLowS()
	if err != nil {
		return wire.PubsubMessage{}, refuse(BadSignature, "message: %w", err)
	}
	if message, err = wire.ParsePubsub(normal); err != nil {
		return wire.PubsubMessage{}, refuse(Malformed, "message: %w", err)
	}
	return message, nil
}

// signedBy reads a message in the form in which it is evidence, and who signed it.
func signedBy(signed []byte) (wire.PubsubMessage, chain.Operator, error) {
	message, err := normalize(signed)
	if err != nil {
		return wire.PubsubMessage{}, chain.Operator{}, err
	}
	author, err := message.Verify()
	if err != nil {
		return wire.PubsubMessage{}, chain.Operator{}, refuse(BadSignature, "message: %w", err)
	}
	return message, author.Operator(), nil
}

// inForm refuses a message that is not in the form in which it is evidence already: the one it was given in, against the one
// that reading it led to.
func inForm(given, normal []byte) error {
	if bytes.Equal(given, normal) {
		return nil
	}
	a, err := wire.ParsePubsub(given)
	if err != nil {
		return refuse(Malformed, "message: %w", err)
	}
	b, err := wire.ParsePubsub(normal)
	if err != nil {
		return refuse(Malformed, "message: %w", err)
	}
	if !bytes.Equal(a.Signature(), b.Signature()) {
		return refuse(HighS, "message: the signature's s is above half the group's order")
	}
	return refuse(NotCanonical, "message: not in the form in which messages are evidence")
}

// topicOf returns the topic that a message names, or nothing if it is no message.
func topicOf(signed []byte) string {
	message, err := wire.ParsePubsub(signed)
	if err != nil {
		return ""
	}
	return message.Topic()
}
