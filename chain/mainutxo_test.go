package chain_test

import (
	"encoding/hex"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestAMainUTXOIsHashedAsTheBridgePacksIt(t *testing.T) {
	u := chain.UTXO{TxHash: [32]byte{1, 31: 2}, Index: 0x01020304, Value: 0x05060708090a0b0c}
	packed := "01" + "000000000000000000000000000000000000000000000000000000000000" + "02" + "01020304" + "05060708090a0b0c"
	raw, err := hex.DecodeString(packed)
	require.NoError(t, err)
	require.Equal(t, [32]byte(crypto.Keccak256(raw)), u.Hash())
	require.Equal(t, [32]byte{1, 31: 2}, u.TxHash, "hashing changes nothing")
	require.NotZero(t, chain.UTXO{}.Hash(), "a wallet without a main UTXO has a zero, which no output hashes to")
	require.True(t, chain.UTXO{}.IsZero())
	require.False(t, chain.UTXO{Index: 1}.IsZero())
}
