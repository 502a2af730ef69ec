package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/crypto"
	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // HASH160 is Bitcoin's public key hash; nothing else may stand in for it
)

// MaxSeats is how many seats a wallet can have: a seat number is one byte and seat 0 does not exist.
const MaxSeats = 255

// Seat is a member index of a wallet, counted from 1. The zero value is no seat.
type Seat uint8

// WalletID is a wallet's public key hash: RIPEMD160(SHA256(compressed public key)), 20 bytes.
type WalletID [20]byte

// Term is one unbroken responsibility of an instance for a wallet: it begins when the instance is given the wallet and ends when
// that is taken away. Terms of one wallet differ, also where one follows another at once. 0 is none.
type Term uint64

// ParseWalletID reads a wallet public key hash from 40 hex digits with or without 0x.
func ParseWalletID(s string) (WalletID, error) {
	var id WalletID
	err := id.UnmarshalText([]byte(s))
	return id, err
}

// String returns the hash as 0x and 40 lower-case hex digits.
func (id WalletID) String() string { return "0x" + id.Hex() }

// Hex returns the hash as 40 lower-case hex digits without prefix, as the protocol's vectors write it.
func (id WalletID) Hex() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (id WalletID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText accepts 40 hex digits with or without 0x.
func (id *WalletID) UnmarshalText(text []byte) error {
	return decodeHex(id[:], string(text), "wallet public key hash")
}

// PublicKey is a wallet's secp256k1 public key in uncompressed SEC 1 form: 04 || X || Y.
type PublicKey [65]byte

// ParsePublicKey reads an uncompressed public key from 130 hex digits with or without 0x and checks that it
// is a point of the curve.
func ParsePublicKey(s string) (PublicKey, error) {
	var key PublicKey
	if err := decodeHex(key[:], s, "wallet public key"); err != nil {
		return PublicKey{}, err
	}
	if _, err := crypto.UnmarshalPubkey(key[:]); err != nil {
		return PublicKey{}, fmt.Errorf("wallet public key: %w", err)
	}
	return key, nil
}

// String returns 130 lower-case hex digits without prefix: the form that stands in channel names.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// Hash returns the wallet public key hash of the key.
func (k PublicKey) Hash() WalletID {
	var compressed [33]byte
	compressed[0] = 2 + k[64]&1 // SEC 1: 02 for an even Y, 03 for an odd one
	copy(compressed[1:], k[1:33])
	inner := sha256.Sum256(compressed[:])
	ripemd := ripemd160.New()
	ripemd.Write(inner[:])
	return WalletID(ripemd.Sum(nil))
}

// Wallet is one threshold wallet and its roster: the operator of each seat, in seat order. It cannot be changed
// once made; the zero value is no wallet.
type Wallet struct {
	id     WalletID
	key    PublicKey
	roster []Operator
}

// NewWallet checks the roster's size (1 to 255 seats) and that no seat is empty. The key must come from
// ParsePublicKey or another source that checked it.
func NewWallet(key PublicKey, roster []Operator) (Wallet, error) {
	if len(roster) == 0 {
		return Wallet{}, errors.New("wallet has no seats")
	}
	if len(roster) > MaxSeats {
		return Wallet{}, fmt.Errorf("wallet has %d seats, more than %d", len(roster), MaxSeats)
	}
	for i, op := range roster {
		if op.IsZero() {
			return Wallet{}, fmt.Errorf("seat %d has no operator", i+1)
		}
	}
	return Wallet{id: key.Hash(), key: key, roster: slices.Clone(roster)}, nil
}

// ID returns the wallet's public key hash.
func (w Wallet) ID() WalletID { return w.id }

// Key returns the wallet's public key.
func (w Wallet) Key() PublicKey { return w.key }

// Seats returns the number of seats.
func (w Wallet) Seats() int { return len(w.roster) }

// Roster returns a copy of the roster: the operator of seat i+1 at index i.
func (w Wallet) Roster() []Operator { return slices.Clone(w.roster) }

// At returns the operator of a seat; false if the wallet has no such seat (seat 0 included).
func (w Wallet) At(seat Seat) (Operator, bool) {
	if seat == 0 || int(seat) > len(w.roster) {
		return Operator{}, false
	}
	return w.roster[seat-1], true
}

// Holds reports whether the operator holds a seat of the wallet.
func (w Wallet) Holds(op Operator) bool { return slices.Contains(w.roster, op) }

// SeatsOf returns the operator's seats in ascending order; none if it holds none.
func (w Wallet) SeatsOf(op Operator) []Seat {
	var seats []Seat
	for i, holder := range w.roster {
		if holder == op {
			seats = append(seats, Seat(i+1))
		}
	}
	return seats
}

// LowestSeat returns the operator's lowest seat, the one it leads from; 0 if it holds none.
func (w Wallet) LowestSeat(op Operator) Seat {
	return Seat(slices.Index(w.roster, op) + 1)
}

// Operators returns each operator of the wallet once, in the order of first seats.
func (w Wallet) Operators() []Operator {
	seen := make(map[Operator]bool, len(w.roster))
	var distinct []Operator
	for _, op := range w.roster {
		if !seen[op] {
			seen[op] = true
			distinct = append(distinct, op)
		}
	}
	return distinct
}
