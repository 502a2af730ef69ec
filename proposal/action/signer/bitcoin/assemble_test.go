package bitcoin

import (
	"math/big"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestNothingIsAssembledThatANodeWouldRefuse(t *testing.T) {
	for _, scheme := range signer.Schemes() {
		p := newPurse(scheme, 1)
		main, previous := p.fund(10_000_000, 0)
		fee := big.NewInt(1000)
		tx, err := Redemption(p.Wallet, main, previous, []chain.RedemptionRequest{request(wpkh(1), 2_000_000)}, fee)
		require.NoError(t, err)
		prop := proposal.Redemption{OutputScripts: [][]byte{wpkh(1)}, TxFee: fee}
		good := p.signAll(prop, &tx)
		_, err = Assemble(p.Wallet, &tx, good)
		require.NoError(t, err)

		for name, signatures := range map[string][][]byte{
			"none":                  nil,
			"two":                   {good[0], good[0]},
			"an empty one":          {nil},
			"a short one":           {good[0][:63]},
			"another's":             newPurse(scheme, 2).signAll(prop, &tx),
			"another transaction's": {p.sign(signer.Signable{1})},
		} {
			_, err := Assemble(p.Wallet, &tx, signatures)
			require.Error(t, err, "%s: %s", scheme, name)
		}
		_, err = Assemble(newPurse(scheme, 2).Wallet, &tx, good)
		if scheme == signer.CMP { // a P2TR witness does not name the key
			require.ErrorIs(t, err, errSignature)
		}
		tx.Prevouts[0].Value++
		_, err = Assemble(p.Wallet, &tx, good)
		require.ErrorIs(t, err, errSignature)
		tx.Prevouts = nil
		_, err = Assemble(p.Wallet, &tx, good)
		require.ErrorContains(t, err, "0 previous outputs")
	}
}

func TestAnUnsignedTransactionFailsTheCheck(t *testing.T) {
	for _, scheme := range signer.Schemes() {
		p := newPurse(scheme, 1)
		main, previous := p.fund(10_000_000, 0)
		tx, err := Redemption(p.Wallet, main, previous, []chain.RedemptionRequest{request(wpkh(1), 2_000_000)}, big.NewInt(1000))
		require.NoError(t, err)
		parsed, err := ParseUnsigned(tx.Raw)
		require.NoError(t, err)
		require.ErrorIs(t, Check(parsed, tx.Prevouts), errSignature)
	}
}

func TestFindMainBelievesTheChainsHashAlone(t *testing.T) {
	p := newPurse(signer.FROST, 1)
	main, previous := p.fund(5000, 2)
	_, other := p.fund(6000, 2)
	for name, c := range map[string]struct {
		hash   [32]byte
		script []byte
		found  bool
	}{
		"it is there":             {main.Hash(), p.Script(), true},
		"a wallet without one":    {[32]byte{}, p.Script(), false},
		"another wallet's script": {main.Hash(), wpkh(1), false},
		"an output of others":     {UTXO{TxHash: main.TxHash, Index: 1, Value: 1001}.Hash(), p.Script(), false},
		"another value":           {UTXO{TxHash: main.TxHash, Index: 2, Value: 5001}.Hash(), p.Script(), false},
	} {
		found, tx, ok := FindMain(c.hash, []*wire.MsgTx{other, previous}, c.script)
		require.Equal(t, c.found, ok, name)
		if ok {
			require.Equal(t, main, found)
			require.Equal(t, previous, tx)
		}
	}
	_, _, ok := FindMain(main.Hash(), nil, p.Script())
	require.False(t, ok)
}
