package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
)

func TestADeadInstanceIsDismissed(t *testing.T) {
	s := steered(t)
	a, b := openedFor(t, s, "a", time.Hour), openedFor(t, s, "b", time.Minute)
	wallet := chain.WalletID{1}
	require.NoError(t, s.AddWallets(t.Context(), []chain.WalletID{wallet}))
	moved, err := s.Move(t.Context(), a, []cluster.Move{{Wallet: wallet, To: b.Holder, Cause: cluster.CauseOrphan}}, 0)
	require.NoError(t, err)
	require.Len(t, moved, 1)
	require.NoError(t, s.SetWish(t.Context(), "b", shared.Drain))

	lives, err := s.Dismiss(t.Context(), "b")
	require.NoError(t, err)
	require.True(t, lives, "its session lasts")
	require.Equal(t, []cluster.InstanceID{"a", "b"}, names(t, s.Store))
	wishes, err := s.Wishes(t.Context())
	require.NoError(t, err)
	require.Len(t, wishes, 1)

	s.pass(2 * time.Minute)
	before, err := s.Versions(t.Context())
	require.NoError(t, err)
	lives, err = s.Dismiss(t.Context(), "b")
	require.NoError(t, err)
	require.False(t, lives)
	require.Equal(t, []cluster.InstanceID{"a"}, names(t, s.Store))
	wishes, err = s.Wishes(t.Context())
	require.NoError(t, err)
	require.Empty(t, wishes)
	after, err := s.Versions(t.Context())
	require.NoError(t, err)
	require.Greater(t, after[shared.TopicWishes], before[shared.TopicWishes])
	have := viewOf(t, s.Store).Wallets[0]
	require.Equal(t, cluster.Assignment{Wallet: wallet, Epoch: moved[0].Epoch + 1}, have, "nobody has its wallet")
	_, err = s.Dismiss(t.Context(), "b")
	require.ErrorIs(t, err, ErrNotFound)

	require.NoError(t, s.SetWish(t.Context(), "stopped", shared.Drain))
	_, err = s.Dismiss(t.Context(), "stopped")
	require.NoError(t, err, "a wish alone is something to remove")
}

// What a database forgot may have been sent by an instance that is dead: as long as claims wait for its journal, it stays.
func TestADeadInstanceIsNotDismissedWhileItsJournalIsOwed(t *testing.T) {
	s := steered(t)
	openedFor(t, s, "b", time.Minute)
	s.pass(2 * time.Minute)
	s.set(`history = history + 1`)
	a := openedFor(t, s, "a", 2*cluster.Mourning)
	_, err := s.Reconcile(t.Context(), a, nil, 900)
	require.NoError(t, err)
	_, err = s.Dismiss(t.Context(), "b")
	require.ErrorIs(t, err, ErrOwed)
	require.Equal(t, []cluster.InstanceID{"a", "b"}, names(t, s.Store))
	s.pass(cluster.Mourning)
	_, err = s.Dismiss(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, []cluster.InstanceID{"a"}, names(t, s.Store))
}
