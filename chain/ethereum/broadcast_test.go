package ethereum

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// signed returns a transaction in its encoding, and its hash.
func signed(t testing.TB, inner types.TxData) ([]byte, chain.Hash) {
	t.Helper()
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1)), inner)
	require.NoError(t, err)
	raw, err := tx.MarshalBinary()
	require.NoError(t, err)
	return raw, chain.Hash(tx.Hash())
}

func TestTransactionsOfAllFormsAreSentAsTheyAre(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	for i, inner := range []types.TxData{
		&types.LegacyTx{Nonce: 1, Gas: 21_000, GasPrice: big.NewInt(1), To: &common.Address{1}},
		&types.DynamicFeeTx{ChainID: big.NewInt(1), Nonce: 2, Gas: 21_000, GasFeeCap: big.NewInt(1), To: &common.Address{1}},
	} {
		raw, want := signed(t, inner)
		hash, err := client.Broadcast(t.Context(), raw)
		require.NoError(t, err)
		require.Equal(t, want, hash)
		require.Equal(t, hexutil.Bytes(raw), f.sent[i])
	}
}

func TestATransactionThatTheEndpointHasIsNoError(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	raw, want := signed(t, &types.LegacyTx{Gas: 21_000, GasPrice: big.NewInt(1), To: &common.Address{1}})
	mined := map[string]any{"hash": common.Hash(want)}
	for _, test := range []struct {
		said  refused
		found any
		known bool
	}{
		{refused{-32000, "already known"}, nil, true},
		{refused{-32000, "Known transaction"}, nil, true},
		{refused{-32000, "ALREADY_EXISTS: already known"}, nil, true},
		{refused{-32010, "AlreadyKnown"}, nil, true},
		{refused{-32010, "Transaction with the same hash was already imported."}, nil, true},
		{refused{-32000, "nonce too low: next nonce 5, tx nonce 4"}, mined, true},
		{refused{-32000, "nonce too low: next nonce 5, tx nonce 4"}, nil, false},
		{refused{-32000, "nonce too low"}, map[string]any{"hash": common.Hash{1}}, false},
		{refused{-32000, "nonce too low"}, refused{-32601, "no such method"}, false},
		{refused{-32000, "unknown transaction type"}, nil, false},
		{refused{-32003, "insufficient funds for gas * price + value"}, nil, false},
	} {
		f.set(func() { f.onAnswer = answers(map[string]any{"send": test.said, "transaction": test.found}) })
		hash, err := client.Broadcast(t.Context(), raw)
		if test.known {
			require.NoError(t, err, test.said.text)
			require.Equal(t, want, hash)
			continue
		}
		require.ErrorContains(t, err, test.said.text)
		require.NotErrorAs(t, err, new(*chain.EndpointError), "the transaction is to blame: %s", test.said.text)
	}
}

func TestATransactionThatCannotBeSentIsAnError(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	raw, _ := signed(t, &types.LegacyTx{Gas: 21_000, GasPrice: big.NewInt(1), To: &common.Address{1}})
	for _, bad := range [][]byte{nil, {0xc0}, raw[:len(raw)-1], append(bytes.Clone(raw), 0), make([]byte, maxTransaction+1)} {
		_, err := client.Broadcast(t.Context(), bad)
		require.Error(t, err)
		require.NotErrorAs(t, err, new(*chain.EndpointError))
	}
	require.Empty(t, f.sent)

	f.set(func() { f.onAnswer = answers(map[string]any{"send": common.Hash{1}}) })
	_, err := client.Broadcast(t.Context(), raw)
	wantTrouble(t, chain.TroubleMalformed, err)
	f.set(func() { f.onAnswer = answers(map[string]any{"send": refused{-32005, "slow down"}}) })
	_, err = client.Broadcast(t.Context(), raw)
	wantTrouble(t, chain.TroubleRateLimited, err)
	f.set(func() { f.onAnswer = answers(map[string]any{"send": refused{-32601, "read only"}}) })
	_, err = client.Broadcast(t.Context(), raw)
	wantTrouble(t, chain.TroubleUnsupported, err)
}
