package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

func testOpenRows(t *testing.T, open func() *Store) {
	t.Helper()
	s, ctx := open(), t.Context()
	_, err := s.Begin(ctx, walletA, window(1), 901)
	require.NoError(t, err)
	_, err = s.RecordResult(ctx, agreed(walletA, 2))
	require.NoError(t, err)
	_, err = s.Begin(ctx, walletA, window(3), 2701)
	require.NoError(t, err)
	_, err = s.Begin(ctx, walletB, window(2), 1801)
	require.NoError(t, err)
	blocks, err := s.OpenRows(ctx, walletA)
	require.NoError(t, err)
	require.Equal(t, []chain.Height{900, 2700}, blocks, "begun and not finished, the oldest first")
	require.NoError(t, s.FinishOpen(ctx, 900, coordination.ReasonNodeDown))
	blocks, err = s.OpenRows(ctx, walletA)
	require.NoError(t, err)
	require.Equal(t, []chain.Height{2700}, blocks)
}

func testOpenUnbegun(t *testing.T, open func() *Store) {
	t.Helper()
	s, ctx := open(), t.Context()
	there, late := testWallet(t, 1, mallory), testWallet(t, 2, mallory)
	require.NoError(t, s.ImportWallet(ctx, there, noon.Add(-time.Hour)))
	require.NoError(t, s.ImportWallet(ctx, late, noon.Add(time.Second)))
	require.NoError(t, s.OpenWindow(ctx, opened(4)))
	for wallet, want := range map[chain.WalletID][]chain.Height{there.ID(): {3600}, late.ID(): nil} {
		blocks, err := s.OpenRows(ctx, wallet)
		require.NoError(t, err)
		require.Equal(t, want, blocks, "the window was opened while the wallet was known, and nobody began its part")
	}
}
