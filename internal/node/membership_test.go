package node

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// ledger is a wallet registry that fails as it is told.
type ledger struct{ failure atomic.Pointer[error] }

func (l *ledger) Wallets(context.Context) ([]chain.Wallet, error) {
	if failure := l.failure.Load(); failure != nil {
		return nil, *failure
	}
	return nil, nil
}

// shelf is a registry that counts how often it is read.
type shelf struct {
	wallets []chain.Wallet
	reads   int
}

func (s *shelf) Wallets(context.Context) ([]chain.Wallet, error) {
	s.reads++
	return s.wallets, nil
}

func TestWhoAsksOftenDoesNotReadTheRegistry(t *testing.T) {
	self := chain.Operator{1}
	w, err := chain.NewWallet(chain.PublicKey{4, 1}, []chain.Operator{self})
	require.NoError(t, err)
	more, err := chain.NewWallet(chain.PublicKey{4, 2}, []chain.Operator{self, {2}})
	require.NoError(t, err)
	registry := &shelf{wallets: []chain.Wallet{w}}
	m := &membership{self: self, registry: registry, log: slog.New(slog.DiscardHandler)}
	for range 3 {
		found, err := m.Latest(t.Context())
		require.NoError(t, err)
		require.Len(t, found, 1)
	}
	require.Equal(t, 1, registry.reads)
	one, err := m.Wallet(t.Context(), w.ID())
	require.NoError(t, err)
	require.Equal(t, w, one)
	require.Equal(t, 1, registry.reads)

	registry.wallets = append(registry.wallets, more)
	one, err = m.Wallet(t.Context(), more.ID())
	require.NoError(t, err, "one that was imported a moment ago")
	require.Equal(t, more, one)
	found, err := m.Latest(t.Context())
	require.NoError(t, err)
	require.Len(t, found, 2)
	require.Equal(t, 2, registry.reads)
	_, err = m.Wallet(t.Context(), chain.WalletID{9})
	require.ErrorContains(t, err, "is not in the registry")
}

// A database that is away for an hour would fill the log otherwise: it is looked at every two seconds.
func TestARegistryThatFailsIsToldOnceForEachCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		registry := &ledger{}
		m := &membership{registry: registry, log: slog.New(slog.NewTextHandler(&out, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- m.run(ctx) }()
		looks := func(failure error) {
			synctest.Wait()
			registry.failure.Store(&failure)
			<-time.After(10 * registryPause)
		}
		looks(errors.New("connection refused"))
		looks(errors.New("read only"))
		looks(nil)
		looks(errors.New("connection refused"))
		cancel()
		require.NoError(t, <-ended)
		for text, times := range map[string]int{"connection refused": 2, "read only": 1, "followed again": 1} {
			require.Equal(t, times, strings.Count(out.String(), text), "%s in %s", text, &out)
		}
	})
}
