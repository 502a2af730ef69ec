package view

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
)

// The store alone tells who serves a wallet, and which are stopped, where no node answers.
func TestTheStoreTellsWhoServesAWallet(t *testing.T) {
	s, err := store.Open(t.Context(), store.Config{DSN: t.TempDir()}, 31337, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer s.Close()
	w := testWallet(t, chain.Operator{1}, chain.Operator{2})
	require.NoError(t, s.ImportWallet(t.Context(), w, time.Unix(1_800_000_000, 0)))
	records := Records{s.Reader}
	have, err := records.Wallet(t.Context(), w.ID())
	require.NoError(t, err)
	require.Nil(t, have.Owner)
	require.Nil(t, have.Epoch)

	a := cluster.Holder{Instance: "a", Boot: cluster.NewBoot()}
	generation, err := s.OpenSession(t.Context(), cluster.Opening{Holder: a, Token: cluster.NewToken(), TTL: time.Hour, Status: cluster.Status{Healthy: true}})
	require.NoError(t, err)
	require.NoError(t, s.AddWallets(t.Context(), []chain.WalletID{w.ID()}))
	moved, err := s.Move(t.Context(), cluster.Seal{Holder: a, Generation: generation}, []cluster.Move{{Wallet: w.ID(), To: a, Cause: cluster.CauseOrphan}}, 0)
	require.NoError(t, err)
	require.Len(t, moved, 1)
	require.NoError(t, s.AddHalt(t.Context(), shared.Halt{Wallet: w.ID(), Window: 900, Reason: "somebody spoke", By: "a"}))
	list, err := records.Wallets(t.Context())
	require.NoError(t, err)
	require.Equal(t, []any{"a", uint64(moved[0].Epoch), "somebody spoke"}, []any{*list.Wallets[0].Owner, *list.Wallets[0].Epoch, *list.Wallets[0].Halted})
}
