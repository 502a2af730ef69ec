package chain

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// Operator is the Ethereum address of a node operator. Its secp256k1 key signs the operator's messages; the
// address is the last 20 bytes of the Keccak-256 hash of that key.
type Operator [20]byte

// ParseOperator reads an EIP-55 address: 0x and 40 hex digits whose letter case carries the checksum. The
// checksum is demanded because leaders are elected over the text form: a wrong case is a wrong leader.
func ParseOperator(s string) (Operator, error) {
	var op Operator
	if err := decodeHex(op[:], s, "operator address"); err != nil {
		return Operator{}, err
	}
	if want := op.String(); s != want {
		return Operator{}, fmt.Errorf("operator address %s: not in EIP-55 form, which is %s", s, want)
	}
	return op, nil
}

// String returns the EIP-55 mixed-case form with 0x. It is this text, byte by byte, that the protocol sorts.
func (o Operator) String() string { return common.Address(o).Hex() }

// IsZero reports whether the operator is unknown.
func (o Operator) IsZero() bool { return o == Operator{} }

// MarshalText implements encoding.TextMarshaler with the form of String.
func (o Operator) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what ParseOperator accepts.
func (o *Operator) UnmarshalText(text []byte) error {
	parsed, err := ParseOperator(string(text))
	if err != nil {
		return err
	}
	*o = parsed
	return nil
}
