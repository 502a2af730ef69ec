package ethereum

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// validations are the three kinds, at a block.
func validations(t *testing.T, client *Client, at chain.Hash) map[string]error {
	return map[string]error{
		"heartbeat":  client.ValidateHeartbeatAt(t.Context(), at, chain.WalletID{}, [16]byte{}),
		"redemption": client.ValidateRedemptionAt(t.Context(), at, chain.WalletID{}, nil, big.NewInt(1)),
		"sweep":      client.ValidateMovedFundsSweepAt(t.Context(), at, chain.WalletID{}, [32]byte{}, 0, big.NewInt(1)),
	}
}

func TestValidationsArePinnedToAHash(t *testing.T) {
	f := newFake(t, 1)
	f.onCall = func() (hexutil.Bytes, error) { return word(1), nil }
	client := open(t, config(f.http.URL))
	at := chain.Hash{7, 31: 9}
	for kind, err := range validations(t, client, at) {
		require.NoError(t, err, kind)
	}
	require.Len(t, f.calledAt, 3)
	for _, called := range f.calledAt {
		hash, ok := called.Hash()
		require.True(t, ok)
		require.Equal(t, common.Hash(at), hash)
		require.False(t, called.RequireCanonical, "also a block that was left")
	}
	f.calledAt = nil
	for kind, err := range validations(t, client, chain.Hash{}) {
		require.NoError(t, err, kind)
	}
	require.NoError(t, client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{}))
	require.Len(t, f.calledAt, 4)
	for _, called := range f.calledAt {
		number, ok := called.Number()
		require.True(t, ok)
		require.Equal(t, rpc.LatestBlockNumber, number)
	}
}

// An endpoint that lags does not have the block yet: that is no verdict and no trouble.
func TestABlockThatIsNotThereToValidateAtIsNotFound(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	for _, said := range []refused{
		{-32000, "header for hash not found"},
		{-32000, "unknown block"},
		{-32001, "resource"},
		{-32000, "block 0x07 not found"},
	} {
		f.set(func() { f.onCall = func() (hexutil.Bytes, error) { return nil, said } })
		for kind, err := range validations(t, client, chain.Hash{7}) {
			require.ErrorIs(t, err, chain.ErrNotFound, "%s: %s", kind, said.text)
			require.NotErrorAs(t, err, new(*chain.EndpointError))
			require.NotErrorAs(t, err, new(*chain.Refusal))
		}
		for kind, err := range validations(t, client, chain.Hash{}) {
			require.NotErrorIs(t, err, chain.ErrNotFound, "%s: the newest block is always there", kind)
			wantTrouble(t, chain.TroubleServer, err)
		}
	}
	f.set(func() {
		f.onCall = func() (hexutil.Bytes, error) {
			return nil, revert{"execution reverted: wallet not found", hexutil.Encode(revertWith("hash not found"))}
		}
	})
	for kind, err := range validations(t, client, chain.Hash{7}) {
		require.ErrorAs(t, err, new(*chain.Refusal), kind)
	}
}
