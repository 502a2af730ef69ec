package client

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/net/feed"
)

// Bounds of Keys.
const (
	MaxKeys   = 1 << 16 // bytes of its JSON
	MaxListed = 256     // keys, also of instances that are gone: those that were there last
)

// ErrKeys says that a list of keys is none, or is not signed as it must be.
var ErrKeys = errors.New("list of the instances' keys is not valid")

// Keys are the instances of an operator with the keys they sign their feeds with, signed with the operator's key. An instance's key
// does not expire: what it sealed is verified long after. One that another has replaced is good for what is older.
type Keys struct {
	Operator chain.Operator `json:"operator"`
	Issued   time.Time      `json:"issued"` // whole seconds; it orders lists without a version alone
	// Version orders lists: it grows whenever a key comes or is replaced. Programs of before schema 9 know none, and no replaced keys.
	Version   uint64           `json:"version,omitempty"`
	Instances []InstanceKey    `json:"instances"`
	Signature client.Signature `json:"signature"`
}

// InstanceKey is one key of an instance. An instance that lost its disk goes on under its name with another one, and has several.
type InstanceKey struct {
	ID    string    `json:"id"`
	Key   PublicKey `json:"key"`
	Until *Until    `json:"until,omitempty"` // nil: it has not been replaced
}

// Until is what a replaced key is good for, see feed.Until.
type Until struct {
	Epoch  feed.Epoch `json:"epoch"`
	Number uint64     `json:"number"`
}

// PublicKey is an Ed25519 public key. Its text is 64 hex digits.
type PublicKey ed25519.PublicKey

// MarshalText implements encoding.TextMarshaler.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(k)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *PublicKey) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return fmt.Errorf("public key: want %d hex digits", 2*ed25519.PublicKeySize)
	}
	*k = raw
	return nil
}

// NewKeys makes a list of a keyring and signs it with the operator's key. Version 0 is that of a list in the form of before there were any.
func NewKeys(ring feed.Keyring, version uint64, issued time.Time, key *ecdsa.PrivateKey) (Keys, error) {
	k := Keys{Operator: chain.Operator(crypto.PubkeyToAddress(key.PublicKey)), Version: version, Issued: issued.UTC().Truncate(time.Second)}
	for id, keys := range ring {
		for _, of := range keys {
			listed := InstanceKey{ID: id, Key: PublicKey(of.Public)}
			if of.Until != nil {
				listed.Until = &Until{Epoch: of.Until.Epoch, Number: of.Until.Number}
			}
			k.Instances = append(k.Instances, listed)
		}
	}
	slices.SortFunc(k.Instances, func(a, b InstanceKey) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), bytes.Compare(a.Key, b.Key))
	})
	if err := k.check(); err != nil {
		return Keys{}, err
	}
	var err error
	if k.Signature, err = client.SignText(k.Text(), key); err != nil {
		return Keys{}, fmt.Errorf("sign the list of keys: %w", err)
	}
	return k, nil
}

// DecodeKeys reads the JSON of a list and verifies that its operator has signed it; whose it is is the caller's question. Errors are
// ErrKeys.
func DecodeKeys(raw []byte) (Keys, error) {
	if len(raw) > MaxKeys {
		return Keys{}, fmt.Errorf("%w: longer than %d bytes", ErrKeys, MaxKeys)
	}
	var k Keys
	if err := json.Unmarshal(raw, &k); err != nil {
		return Keys{}, fmt.Errorf("%w: %w", ErrKeys, err)
	}
	return k, k.Verify()
}

// Verify checks that the operator it names has signed it. Errors are ErrKeys.
func (k Keys) Verify() error {
	if err := k.check(); err != nil {
		return err
	}
	by, err := client.SignerOf(k.Text(), k.Signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeys, err)
	}
	if by != k.Operator {
		return fmt.Errorf("%w: signed by %v and not by operator %v", ErrKeys, by, k.Operator)
	}
	return nil
}

func (k Keys) check() error {
	if len(k.Instances) > MaxListed {
		return fmt.Errorf("%w: more than %d keys", ErrKeys, MaxListed)
	}
	if k.Issued.Nanosecond() != 0 || k.Issued.Unix() <= 0 {
		return fmt.Errorf("%w: its time is not in whole seconds", ErrKeys)
	}
	for n, i := range k.Instances {
		if feed.CheckName(i.ID) != nil || len(i.Key) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: instance %.80q: its name or its key is none", ErrKeys, i.ID)
		}
		if slices.ContainsFunc(k.Instances[:n], func(o InstanceKey) bool { return o.ID == i.ID && bytes.Equal(o.Key, i.Key) }) {
			return fmt.Errorf("%w: a key of instance %s stands there twice", ErrKeys, i.ID)
		}
		if i.Until != nil && k.Version == 0 {
			return fmt.Errorf("%w: a key of instance %s is replaced, and the list has no version", ErrKeys, i.ID)
		}
	}
	return nil
}

// Text is what is signed: lines that name every field.
func (k Keys) Text() string {
	var out strings.Builder
	if k.Version == 0 {
		fmt.Fprintf(&out, "walletnode-feed-keys-1\noperator %v\nissued %d\n", k.Operator, k.Issued.Unix())
	} else {
		fmt.Fprintf(&out, "walletnode-feed-keys-2\noperator %v\nversion %d\nissued %d\n", k.Operator, k.Version, k.Issued.Unix())
	}
	for _, i := range k.Instances {
		fmt.Fprintf(&out, "instance %s key %x", i.ID, []byte(i.Key))
		if i.Until != nil {
			fmt.Fprintf(&out, " until epoch %d number %d", i.Until.Epoch, i.Until.Number)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// before is whether it was made earlier than another one. By its version: no clock that was wrong once keeps subscribers from the lists that follow.
func (k Keys) before(other Keys) bool {
	if k.Version != 0 || other.Version != 0 {
		return k.Version < other.Version
	}
	return k.Issued.Before(other.Issued)
}

// Ring is what the list has verifiers believe.
func (k Keys) Ring() feed.Keyring {
	ring := feed.Keyring{}
	for _, i := range k.Instances {
		key := feed.Key{Public: ed25519.PublicKey(i.Key)}
		if i.Until != nil {
			key.Until = &feed.Until{Epoch: i.Until.Epoch, Number: i.Until.Number}
		}
		ring[i.ID] = append(ring[i.ID], key)
	}
	return ring
}
