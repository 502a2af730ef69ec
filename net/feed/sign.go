package feed

import (
	"crypto/ed25519"
	"fmt"
)

// Signer is an instance's key under the instance's name. Stages of one process share it: they are one fault domain, and what tells
// them apart are the roots that each commits to.
type Signer struct {
	instance string
	key      ed25519.PrivateKey
}

// NewSigner names a key.
func NewSigner(instance string, key ed25519.PrivateKey) (Signer, error) {
	if err := CheckName(instance); err != nil {
		return Signer{}, fmt.Errorf("instance: %w", err)
	}
	if len(key) != ed25519.PrivateKeySize {
		return Signer{}, fmt.Errorf("instance %s: an Ed25519 key has %d bytes, this one has %d", instance, ed25519.PrivateKeySize, len(key))
	}
	return Signer{instance: instance, key: key}, nil
}

// Instance is the name; the zero value has none.
func (s Signer) Instance() string { return s.instance }

// Actor returns a stage of the signer's instance.
func (s Signer) Actor(stage Stage, index int) Actor {
	return Actor{Instance: s.instance, Stage: stage, Index: uint16(index)}
}

func (s Signer) sign(body []byte) Signature { return Signature(ed25519.Sign(s.key, body)) }

// Signature is one by an instance's Ed25519 key.
type Signature [ed25519.SignatureSize]byte

// Keyring is who is believed: the public keys of each instance, several of one whose machine was replaced with its name kept. It is
// the one trusted input of all that is verified.
type Keyring map[string][]ed25519.PublicKey

// verify refuses a signature by none of the keys of the actor's instance.
func (k Keyring) verify(a Actor, body []byte, sig Signature) error {
	known := false
	for _, key := range k[a.Instance] {
		if len(key) != ed25519.PublicKeySize {
			continue
		}
		if known = true; ed25519.Verify(key, body, sig[:]) {
			return nil
		}
	}
	if !known {
		return fmt.Errorf("%v: %w", a, ErrUnknownInstance)
	}
	return fmt.Errorf("%v: %w", a, ErrSignature)
}

func (r *reader) signature() (s Signature) {
	copy(s[:], r.take(len(s)))
	return s
}

// Public is the key that verifies what the signer signs.
func (s Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // an Ed25519 key has one

const messageDomain = "walletnode/feed/message/1\x00"

func (i Item) text() []byte {
	h := i.Hash()
	return append([]byte(messageDomain), h[:]...)
}

// SignItem signs what the instance tells its siblings: the item's source is the instance.
func (s Signer) SignItem(i Item) Signature { return s.sign(i.text()) }

// VerifyItem refuses an item that the instance which it names as its source did not sign.
func (k Keyring) VerifyItem(i Item, sig Signature) error {
	return k.verify(Actor{Instance: i.Source}, i.text(), sig)
}
