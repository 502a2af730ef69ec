package keygen

import (
	"crypto/ecdh"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Dispute is all that it takes to tell who of a pair has broken a key generation: the receiver, whose backend says that what was
// dealt to it is bad, or the dealer, who sealed it. The receiver's backend has opened the session's key for that. Nobody else
// says anything that counts: the dealer has signed what it dealt, and to which key, and the receiver has signed with which key
// it opens, and which of the dealer's messages it means.
type Dispute struct {
	Invitation Invitation
	signer.Opened
	// Dealt is what the dealer's operator signed in the rounds up to the one in question.
	Dealt [][]byte
}

// Fits reports whether the receiver opens with the key to which the dealer says that it has sealed, in each of the rounds. Without
// that what does not open says nothing about the dealer.
func (d Dispute) Fits() error {
	public, ok := publicOf(d.Key)
	if !ok {
		return fmt.Errorf("%w: what is shown is no key", ErrDocument)
	}
	to, other, err := otherKey(d.Invitation.Session(), d.Dealt, d.Invitation.Roster[d.Receiver-1], public)
	if err == nil && other {
		err = fmt.Errorf("%w: it is opened with the key of %v, and was sealed to %v", ErrDocument, public, to)
	}
	return err
}

// otherKey returns the first key other than the one that is shown to which a dealer says that it has sealed something for the
// receiver; false if there is none. Where nothing was sealed there is nothing to open.
func otherKey(session signer.SessionID, dealt [][]byte, receiver chain.Operator, shown signer.PublicKey) (signer.PublicKey, bool, error) {
	for _, signed := range dealt {
		bundle, err := ReadBundle(session, signed)
		if err != nil {
			return signer.PublicKey{}, false, err
		}
		if to := bundle.SealedTo[receiver]; bundle.isFor(receiver) && to != shown {
			return to, true, nil
		}
	}
	return signer.PublicKey{}, false, nil
}

// isFor reports whether something in a bundle is for one operator.
func (b Bundle) isFor(op chain.Operator) bool {
	return slices.ContainsFunc(b.Parcels, func(p signer.Parcel) bool { return p.To == op })
}

// Verdict is the outcome of a dispute.
type Verdict int

// The verdicts.
const (
	Undecided Verdict = iota
	DealerBroke
	ReceiverLied
)

// Judge looks at what was dealt. The error says why the verdict is what it is; it may be nil.
type Judge func(d Dispute) (Verdict, error)

// publicOf returns the public half of an X25519 key.
func publicOf(private signer.Digest) (signer.PublicKey, bool) {
	key, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		return signer.PublicKey{}, false
	}
	return signer.PublicKey(key.PublicKey().Bytes()), true
}
