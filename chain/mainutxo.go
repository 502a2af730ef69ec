package chain

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/crypto"
)

// UTXO is an output of a Bitcoin transaction that is not spent. A wallet has one main UTXO at most: what it pays redemptions
// from. The zero value is none.
type UTXO struct {
	TxHash [32]byte // internal byte order
	Index  uint32
	Value  uint64 // satoshi
}

// IsZero reports whether it is no output.
func (u UTXO) IsZero() bool { return u == UTXO{} }

// Hash returns what the Bridge keeps of a main UTXO: keccak256(transaction hash ++ index ++ value), both numbers big endian.
// A wallet without one has the zero hash there, which is the hash of no output.
func (u UTXO) Hash() [32]byte {
	packed := binary.BigEndian.AppendUint32(u.TxHash[:], u.Index) // a copy: an array's slice is full
	return crypto.Keccak256Hash(binary.BigEndian.AppendUint64(packed, u.Value))
}
