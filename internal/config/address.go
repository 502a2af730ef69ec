package config

import (
	"encoding"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// parseAddress reads a contract's address: 0x and 40 hex digits. Mixed case carries the EIP-55 checksum and
// must be right, since a mistyped address answers like a contract that has nothing to say; one case alone
// carries none.
func parseAddress(dst encoding.TextUnmarshaler, text string) error {
	if !common.IsHexAddress(text) || !strings.HasPrefix(text, "0x") {
		return fmt.Errorf("want an address (0x and 40 hex digits), have %q", text)
	}
	digits := text[2:]
	mixed := strings.ToLower(digits) != digits && strings.ToUpper(digits) != digits
	if want := common.HexToAddress(text).Hex(); mixed && want != text {
		return fmt.Errorf("address %s has a wrong EIP-55 checksum; it would be %s", text, want)
	}
	return dst.UnmarshalText([]byte(text))
}
