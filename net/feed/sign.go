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
type Keyring map[string][]Key

// Key is a public key of an instance.
type Key struct {
	Public ed25519.PublicKey
	Until  *Until // nil: it has not been replaced
}

// Until is what a key is good for that another one has replaced. Who stole it can sign what is older, and nothing that is newer.
type Until struct {
	Epoch  Epoch  // the one that was open then, the last in which it signed anything
	Number uint64 // the last one of the series in which the instance told items then
}

// Keys are keys that have not been replaced.
func Keys(public ...ed25519.PublicKey) []Key {
	list := make([]Key, len(public))
	for i, key := range public {
		list[i].Public = key
	}
	return list
}

// verify refuses a signature by none of the keys of the actor's instance, and one by a key that had been replaced by then.
func (k Keyring) verify(a Actor, body []byte, sig Signature, then func(Until) bool) error {
	known := false
	for _, key := range k[a.Instance] {
		if len(key.Public) != ed25519.PublicKeySize {
			continue
		}
		if known = true; !ed25519.Verify(key.Public, body, sig[:]) {
			continue
		}
		if key.Until == nil || then(*key.Until) {
			return nil
		}
		return fmt.Errorf("%v: by a key that was replaced in epoch %d, and is not good for what came later: %w", a, key.Until.Epoch, ErrSignature)
	}
	if !known {
		return fmt.Errorf("%v: %w", a, ErrUnknownInstance)
	}
	return fmt.Errorf("%v: %w", a, ErrSignature)
}

// since is of what is signed when an epoch has begun, or later.
func since(e Epoch) func(Until) bool { return func(u Until) bool { return e <= u.Epoch } }

// numbered is of what an origin told under a number.
func numbered(number uint64) func(Until) bool {
	return func(u Until) bool { return number <= u.Number }
}

func (r *reader) signature() (s Signature) {
	copy(s[:], r.take(len(s)))
	return s
}

// Public is the key that verifies what the signer signs.
func (s Signer) Public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) } //nolint:forcetypeassert // an Ed25519 key has one
