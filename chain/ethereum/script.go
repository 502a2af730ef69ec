package ethereum

import (
	"encoding/binary"
	"errors"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/walletnode/walletnode/chain"
)

// The contracts carry an output script with its length before it, as a Bitcoin transaction does; a proposal's
// wire form carries it bare.

// withLength puts Bitcoin's variable-length integer before a script. Scripts that the contracts know are shorter
// than 253 bytes, but a proposal may carry any: it has to be asked about in a form the contract can refuse.
func withLength(script []byte) []byte {
	n := len(script)
	var prefix []byte
	switch {
	case n < 0xfd:
		prefix = []byte{byte(n)}
	case n <= 0xffff:
		prefix = binary.LittleEndian.AppendUint16([]byte{0xfd}, uint16(n))
	default:
		prefix = binary.LittleEndian.AppendUint32([]byte{0xfe}, uint32(n)) //nolint:gosec // messages are far below 4 GiB
	}
	return slices.Concat(prefix, script)
}

// withoutLength takes the one-byte length off a script that the Bridge accepted.
func withoutLength(prefixed []byte) ([]byte, error) {
	if len(prefixed) == 0 || prefixed[0] >= 0xfd || int(prefixed[0]) != len(prefixed)-1 {
		return nil, errors.New("output script does not match its length prefix")
	}
	return slices.Clone(prefixed[1:]), nil
}

// redemptionKey is the Bridge's key of a redemption request: keccak256(keccak256(script with its length) ++
// wallet public key hash).
func redemptionKey(wallet chain.WalletID, prefixed []byte) *big.Int {
	return new(big.Int).SetBytes(crypto.Keccak256(crypto.Keccak256(prefixed), wallet[:]))
}
