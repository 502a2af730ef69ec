package node

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store"
)

// What was read once is told while the database is away, with its age; what is broken or was never read is not.
func TestSharedListsAreRecalledWhileTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHalts()
		h.list([]shared.Halt{{Wallet: chain.WalletID{2}, Since: time.Unix(2, 0)}, {Wallet: chain.WalletID{1}, Since: time.Unix(1, 0)}}, time.Now())
		watch, err := shared.NewWatch(shared.WatchConfig{
			Versions: func(context.Context) (shared.Versions, error) { return nil, nil },
			Handlers: map[shared.Topic]func(context.Context) error{}, Pause: time.Hour, Timeout: time.Second, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		s := &sharing{lists: lists{watch: watch}, siblings: &siblings{}}
		failure := fmt.Errorf("read: %w", store.ErrNoAnswer)
		read := func(context.Context) ([]shared.Halt, error) { return nil, failure }
		_, _, err = recalled(t.Context(), s, read, h.all)
		require.ErrorIs(t, err, store.ErrNoAnswer, "nothing was read yet")

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- watch.Run(ctx) }()
		synctest.Wait()
		time.Sleep(time.Minute)
		list, age, err := recalled(t.Context(), s, read, h.all)
		require.NoError(t, err)
		require.Equal(t, time.Minute, age)
		require.Len(t, list, 2)
		require.Equal(t, chain.WalletID{1}, list[0].Wallet, "oldest first")

		failure = store.ErrCorrupt
		_, _, err = recalled(t.Context(), s, read, h.all)
		require.ErrorIs(t, err, store.ErrCorrupt)
		failure = nil
		_, age, err = recalled(t.Context(), s, read, h.all)
		require.NoError(t, err)
		require.Zero(t, age)
		cancel()
		require.NoError(t, <-ended)
	})
}
