// Package executor runs one wallet's coordination procedure for one window: it derives seed, leader and checklist,
// and plays the leader's or the follower's part until the window ends.
//
// It always ends in one Result: what we could not do is a reason in it, what a peer did is a fault. Nothing is sent before it is written
// down, and nobody is accused by a node that could not see. Seed, leader and checklist are pure functions, in files of their own.
//
//	seed.go, leader.go, checklist.go       seed, leader and checklist
//	executor.go, procedure.go, prepare.go  a window from its opening to its result, and what has to be known first
//	lead.go                                the leader's part
//	listen.go, hearing.go, trial.go        the follower's: what is heard, and which of it is tried against the chain's validator
//	judge.go, conclude.go                  what came of it, and who is at fault; evidence that comes later
package executor

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand" // the network elects with Go's math/rand (v1) generator; any other would elect others

	"github.com/walletnode/walletnode/chain"
)

// Seed returns SHA256(wallet public key hash || hash of the safe block): the randomness of one wallet in one
// window, which nobody controls (RFC 12).
func Seed(wallet chain.WalletID, safe chain.Hash) [32]byte {
	return sha256.Sum256(append(wallet[:], safe[:]...))
}

// newRNG returns a fresh generator seeded with the first 8 bytes of the seed, big endian, read as a signed number.
// Leader and checklist each take their own: what one draws must not shift the other.
func newRNG(seed [32]byte) *rand.Rand { return rand.New(newSource(seed)) }

func newSource(seed [32]byte) rand.Source {
	return rand.NewSource(int64(binary.BigEndian.Uint64(seed[:8])))
}

// memo is a source that remembers its first draw. Two generators of one seed begin with the same draw, so whoever
// needs no more than that of the second one can have it from the first: seeding is nearly all that an election costs.
type memo struct {
	rand.Source
	first int64
	drawn bool
}

// Int63 implements rand.Source.
func (m *memo) Int63() int64 {
	v := m.Source.Int63()
	if !m.drawn {
		m.first, m.drawn = v, true
	}
	return v
}

// opening returns the first draw, drawing it now if nobody has.
func (m *memo) opening() int64 {
	if !m.drawn {
		m.Int63()
	}
	return m.first
}
