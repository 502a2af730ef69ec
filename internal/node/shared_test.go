package node

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/net"
)

// waiters is how many tests run at a time: those with instances wait for leases most of the time, whatever the cores.
const waiters = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", waiters); err != nil {
		panic(err)
	}
	os.Exit(pgtest.Run(m))
}

// still is a chain without blocks.
type still struct{ witness }

func (still) Run(ctx context.Context, _ func(chain.Header)) error {
	<-ctx.Done()
	return ctx.Err()
}

// quietNetwork is a network without peers.
type quietNetwork struct{ nowhere }

func (quietNetwork) Run(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func assembleOn(t *testing.T, dsn string) (*Node, error) {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	closed := false
	w := told
	w.wasClosed = &closed
	return Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key}, Freshness: chain.Freshness{MaxSilence: time.Minute}, BlockTime: time.Second, FeeRate: 1,
		Store:  store.Config{DSN: dsn},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: still{w}, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
}
