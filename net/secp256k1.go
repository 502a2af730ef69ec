package net

import (
	"crypto/sha256"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"

	"github.com/walletnode/walletnode/internal/wire"
)

// Operators sign with secp256k1, and each message of each neighbour is verified. Pubsub does that with the key that libp2p reads out
// of the author's peer ID; libp2p's own is written in Go alone, and takes four times as long as libsecp256k1.
func init() { crypto.PubKeyUnmarshallers[pb.KeyType_Secp256k1] = unmarshalSecp256k1 }

// secp256k1Key is a public key that accepts exactly the signatures that libp2p's accepts.
type secp256k1Key wire.PublicKey

// points are the keys that were read lately, by their compressed form: to see that one is a point of the curve takes a square root, and
// each message names its author's.
var points struct {
	mu   sync.Mutex
	read map[secp256k1Key]struct{}
}

// maxPoints is more operators than a network has. At it all are forgotten, and read again.
const maxPoints = 4096

func unmarshalSecp256k1(data []byte) (crypto.PubKey, error) {
	if len(data) == len(secp256k1Key{}) {
		points.mu.Lock()
		_, known := points.read[secp256k1Key(data)]
		points.mu.Unlock()
		if known {
			return secp256k1Key(data), nil
		}
	}
	parsed, err := secp256k1.ParsePubKey(data)
	if err != nil {
		return nil, err
	}
	key := secp256k1Key(parsed.SerializeCompressed())
	points.mu.Lock()
	defer points.mu.Unlock()
	if points.read == nil || len(points.read) >= maxPoints {
		points.read = make(map[secp256k1Key]struct{})
	}
	points.read[key] = struct{}{}
	return key, nil
}

// Type implements crypto.Key.
func (k secp256k1Key) Type() pb.KeyType { return pb.KeyType_Secp256k1 }

// Raw implements crypto.Key.
func (k secp256k1Key) Raw() ([]byte, error) { return k[:], nil }

// Equals implements crypto.Key.
func (k secp256k1Key) Equals(o crypto.Key) bool {
	raw, err := o.Raw()
	return err == nil && o.Type() == k.Type() && string(raw) == string(k[:])
}

// Verify implements crypto.PubKey.
func (k secp256k1Key) Verify(data, signature []byte) (bool, error) {
	return wire.VerifyDER(wire.PublicKey(k), sha256.Sum256(data), signature)
}
