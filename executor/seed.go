// Package executor runs one wallet's coordination procedure for one window: it derives seed, leader and checklist,
// and plays the leader's or the follower's part until the window ends.
package executor

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand" // the network elects with Go's math/rand (v1) generator; any other would elect others

	"github.com/walletnode/walletnode/chain"
)

// Seed returns SHA256(wallet public key hash || hash of the safe block): the randomness of one wallet in one
// window, which nobody controls (protocol.md section 2).
func Seed(wallet chain.WalletID, safe chain.Hash) [32]byte {
	return sha256.Sum256(append(wallet[:], safe[:]...))
}

// newRNG returns a fresh generator seeded with the first 8 bytes of the seed, big endian, read as a signed number.
// Leader and checklist each take their own: what one draws must not shift the other.
func newRNG(seed [32]byte) *rand.Rand {
	return rand.New(rand.NewSource(int64(binary.BigEndian.Uint64(seed[:8]))))
}
