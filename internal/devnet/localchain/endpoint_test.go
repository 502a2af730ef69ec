package localchain

import (
	"context"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// What the pool of endpoints asks, answered by go-ethereum's own node.

func TestAPollShowsWhatTheNodeHas(t *testing.T) {
	c := start(t, Config{})
	require.NoError(t, c.Mine(t.Context(), 80))
	top := c.Height()
	client := dial(t, c)
	sight, err := client.Look(t.Context(), chain.Ask{From: top - 2, To: top + 1, Peers: true})
	require.NoError(t, err)
	require.Equal(t, uint64(ChainID), sight.ChainID)
	require.False(t, sight.Syncing)
	require.Zero(t, sight.Disputed)
	wanted := make([]chain.Header, 0, 3)
	for height := top - 2; height <= top; height++ {
		header, err := c.Header(height)
		require.NoError(t, err)
		wanted = append(wanted, header)
	}
	require.Equal(t, wanted[2], sight.Head)
	require.Equal(t, wanted, sight.Headers)
	require.LessOrEqual(t, sight.Finalized.Height, sight.Safe.Height)
	require.LessOrEqual(t, sight.Safe.Height, sight.Head.Height)
	require.NotZero(t, sight.Finalized.Hash)
	require.Equal(t, &chain.Peers{Known: true}, sight.Peers, "no peers, and the admin methods are closed")

	headers, err := client.Headers(t.Context(), top-1, top+5)
	require.NoError(t, err)
	require.Equal(t, wanted[1:], headers)
}

// A validation at a block's hash answers from that block's state, wherever the chain went since.
func TestAValidationIsPinnedToItsBlock(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	ctx := t.Context()
	require.NoError(t, c.RegisterWallet(ctx, wallet))
	require.NoError(t, c.AddMovedFunds(ctx, wallet, [32]byte{1}, 7, 50_000_000))
	at := func() chain.Hash {
		header, err := c.Header(c.Height())
		require.NoError(t, err)
		return header.Hash
	}
	sweep := func(at chain.Hash) error {
		return client.ValidateMovedFundsSweepAt(ctx, at, wallet, [32]byte{1}, 7, big.NewInt(1))
	}
	live := at()
	require.NoError(t, sweep(live))
	require.NoError(t, c.SetWalletState(ctx, wallet, chain.WalletClosed))
	closed := at()
	require.ErrorAs(t, sweep(closed), new(*chain.Refusal))
	require.ErrorAs(t, sweep(chain.Hash{}), new(*chain.Refusal), "the newest block")
	require.NoError(t, sweep(live))

	require.NoError(t, c.Fork(ctx, c.Height()-1, 3)) // the closing's block is left
	require.ErrorAs(t, sweep(closed), new(*chain.Refusal), "a block that was left still has its state")

	err := sweep(chain.Hash{1})
	require.ErrorIs(t, err, chain.ErrNotFound)
	require.NotErrorAs(t, err, new(*chain.EndpointError))
}

func TestATransactionMayBeSentTwice(t *testing.T) {
	c := start(t, Config{})
	client := dial(t, c)
	ctx := t.Context()
	signer := types.LatestSignerForChainID(big.NewInt(ChainID))
	nonce, err := c.backend.client.PendingNonceAt(ctx, crypto.PubkeyToAddress(c.key.PublicKey))
	require.NoError(t, err)
	payment := func(wei int64) []byte {
		tx, err := types.SignNewTx(c.key, signer, &types.DynamicFeeTx{
			ChainID: big.NewInt(ChainID), Nonce: nonce, Gas: 21_000, To: &common.Address{9}, Value: big.NewInt(wei),
			GasFeeCap: big.NewInt(100e9), GasTipCap: big.NewInt(1e9),
		})
		require.NoError(t, err)
		raw, err := tx.MarshalBinary()
		require.NoError(t, err)
		return raw
	}
	sent, err := client.Broadcast(ctx, payment(5))
	require.NoError(t, err)
	again, err := client.Broadcast(ctx, payment(5)) // waiting in the pool
	require.NoError(t, err)
	require.Equal(t, sent, again)

	require.NoError(t, c.Mine(ctx, 1))
	receipt, err := c.backend.client.TransactionReceipt(ctx, common.Hash(sent))
	require.NoError(t, err)
	require.Equal(t, types.ReceiptStatusSuccessful, receipt.Status)
	again, err = client.Broadcast(ctx, payment(5)) // mined: its nonce is too low now
	require.NoError(t, err)
	require.Equal(t, sent, again)

	_, err = client.Broadcast(ctx, payment(6)) // another one with that nonce
	require.ErrorContains(t, err, "nonce too low")
	require.NotErrorAs(t, err, new(*chain.EndpointError), "the transaction is to blame")
}

// One client after another follows the chain, and none of its heights is missing or comes twice.
func TestChangingClientsLosesNoHead(t *testing.T) {
	c := start(t, Config{})
	ctx := t.Context()
	var delivered []chain.Header
	for range 4 {
		heads := make(chan chain.Header, 4096)
		following, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		client, before := dial(t, c), delivered
		go func() { ended <- client.Follow(following, before, func(h chain.Header) { heads <- h }) }()
		require.NoError(t, c.Mine(ctx, 15))
		for len(delivered) == 0 || delivered[len(delivered)-1].Height < c.Height() {
			delivered = append(delivered, next(t, heads))
		}
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, c.Mine(ctx, 15)) // while nobody follows
	}
	for i, head := range delivered[1:] {
		require.Equal(t, delivered[i].Height+1, head.Height)
		require.Equal(t, delivered[i].Hash, head.Parent)
	}
}
