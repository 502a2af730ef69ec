package signer

import (
	"encoding/hex"
	"fmt"
)

// MarshalText implements encoding.TextMarshaler.
func (b HexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText accepts hex digits.
func (b *HexBytes) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("hex: %w", err)
	}
	*b = raw
	return nil
}
