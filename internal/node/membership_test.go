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
