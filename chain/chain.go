// Package chain holds the values that every room of the node shares: heights, hashes, operators, seats
// and wallets, and the clock that the protocol runs on. It knows no transport; package ethereum below it
// reads a real chain.
package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Errors that callers of a chain source tell apart with errors.Is.
var (
	// ErrNoQuorum says that too few endpoints agreed on an answer. Who gets it abstains: it neither leads nor accuses.
	ErrNoQuorum = errors.New("no quorum of chain endpoints")
	// ErrNotFound says that the source does not have the block: not yet, or not any more.
	ErrNotFound = errors.New("block not found")
	// ErrNotServed says that another instance of the operator is responsible for the wallet, or that this one cannot prove
	// at this moment that it is. Nothing was stored or sent.
	ErrNotServed = errors.New("wallet is not served by this instance")
)

// Height is the number of a block of the host chain (Ethereum). Differences of heights are counted in blocks.
type Height uint64

// Hash is the Keccak-256 hash of a block header, computed locally from the header's fields.
type Hash [32]byte

// String returns the hash as 0x and 64 lower-case hex digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText accepts 64 hex digits with or without 0x.
func (h *Hash) UnmarshalText(text []byte) error { return decodeHex(h[:], string(text), "block hash") }

// ParseHash reads a block hash from 64 hex digits with or without 0x.
func ParseHash(s string) (Hash, error) {
	var h Hash
	err := h.UnmarshalText([]byte(s))
	return h, err
}

// Header is what the node keeps of a block header.
type Header struct {
	Height Height
	Hash   Hash
	Parent Hash
	Time   time.Time // the block's timestamp, whole seconds
}

// decodeHex fills dst from exactly 2*len(dst) hex digits, with or without 0x.
func decodeHex(dst []byte, s, what string) error {
	digits := strings.TrimPrefix(s, "0x")
	if len(digits) != 2*len(dst) {
		return fmt.Errorf("%s: want %d hex digits, have %d", what, 2*len(dst), len(digits))
	}
	if _, err := hex.Decode(dst, []byte(digits)); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
