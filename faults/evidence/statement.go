// Package evidence turns the signed messages of operators into proofs that anybody can check who holds the wallet's
// list of operators, and checks such proofs. Everything here is a pure function of bytes: it asks no node, no store
// and no chain.
//
// A proof shows that one key signed two statements where an honest operator signs one. It does not show why: a key that two
// instances use without knowing of each other, or a client that forgets at a restart what it said, leaves the same
// traces as malice. So one proof alone is a reason to ask, never one to ban by itself.
//
//	statement.go, message.go, quote.go   what an operator signed: as a message, or quoted by others
//	head.go, entry.go, opening.go        what an operator attests of its windows: one hash, what lies under it, and the path there
//	proof.go, headproof.go, fault.go     proofs of two statements or heads, and what is none
//	verify.go, operators.go, refusal.go  how one is verified with a wallet's list of operators, and why it is refused
package evidence

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// frequency is the distance between windows in blocks (RFC 12). A coordination block that is no multiple of it, or 0,
// begins no window, and what is said about one is not a statement of any slot.
const frequency chain.Height = 900

// Slot is where an operator makes at most one statement, unless it contradicts itself. The operator is the one whose key
// signed, whichever seat it claims.
type Slot struct {
	Wallet   chain.WalletID
	Window   chain.Height // coordination block
	Operator chain.Operator
}

// String names the slot for people.
func (s Slot) String() string {
	return fmt.Sprintf("operator %v, wallet %v, window %d", s.Operator, s.Wallet, s.Window)
}

// Statement is one signed coordination message, checked. Only ReadStatement makes one.
type Statement struct {
	Slot
	Seat     chain.Seat // as claimed inside the message; it may be another's, and 0 is no seat
	Proposal proposal.Proposal
	Sequence uint64 // the envelope's: retransmissions repeat it, and it makes no difference between statements
	// Digest is equal for equal statements and differs for differing ones (rule R2).
	Digest [32]byte

	signed []byte
}

// ReadStatement reads a signed pubsub message and checks that it is one of a wallet's coordination channel: the
// author's signature, the type, the sender in the envelope, and the topic against the wallet in the payload. What anybody can
// change who forwards a message (s, the key field, the order of fields) is brought into its one form; all that is
// signed is kept, unknown fields too. Errors are a *Refusal.
func ReadStatement(signed []byte) (Statement, error) {
	message, author, err := signedBy(signed)
	if err != nil {
		return Statement{}, err
	}
	envelope, err := wire.DecodeEnvelope(message.Data(), message.From())
	if err != nil {
		return Statement{}, refuse(envelopeReason(err), "message: %w", err)
	}
	content, err := proposal.DecodeMessage(envelope.Payload)
	if err != nil {
		return Statement{}, refuse(Malformed, "message: %w", err)
	}
	key, err := wire.ParseChannelName(message.Topic())
	if err != nil {
		return Statement{}, refuse(OtherTopic, "message: topic: %w", err)
	}
	if key.Hash() != content.Wallet {
		return Statement{}, refuse(OtherTopic, "message: the topic is of wallet %v, the payload of %v", key.Hash(), content.Wallet)
	}
	if content.Block == 0 || content.Block%frequency != 0 {
		return Statement{}, refuse(NoWindow, "message: no window begins at block %d", content.Block)
	}
	return Statement{
		Slot:     Slot{content.Wallet, content.Block, author},
		Seat:     content.Sender,
		Proposal: content.Proposal,
		Sequence: envelope.Sequence,
		Digest:   content.Digest(),
		signed:   message.Bytes(),
	}, nil
}

// strict reads a message as ReadStatement does, but refuses one that is not in its one form already.
func strict(signed []byte) (Statement, error) {
	s, err := ReadStatement(signed)
	if err == nil {
		err = inForm(signed, s.signed)
	}
	if err != nil {
		return Statement{}, err
	}
	return s, nil
}

func envelopeReason(err error) Reason {
	switch {
	case errors.Is(err, wire.ErrMessageType):
		return OtherType
	case errors.Is(err, wire.ErrSender):
		return OtherSender
	default:
		return Malformed
	}
}

// Signed returns the signed pubsub message: s low, no key field, unknown fields included.
func (s Statement) Signed() []byte { return bytes.Clone(s.signed) }
