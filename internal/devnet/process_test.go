package devnet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// A node as a process goes by Ethereum's block time. Requests stay open for so few windows that it finds and proposes
// the same of them.
func TestNoRequestOfADevnetIsOldEnoughForTheBlockTimeToMatter(t *testing.T) {
	local, err := localchain.New(localchain.Config{BlockTime: blockTime})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, local.Close()) })
	client, err := ethereum.Dial(t.Context(), ethereum.Config{
		URL: local.URL(), PollInterval: time.Second, CallTimeout: callTimeout, ChainID: localchain.ChainID,
		Bridge: local.Bridge(), Validator: local.Validator(),
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	limits, err := client.RedemptionLimits(t.Context())
	require.NoError(t, err)

	const ethereumBlockTime = 12 * time.Second
	oldest := chain.Height((maxOpen + 1) * 900) // blocks
	require.Less(t, oldest, chain.Height(limits.Timeout/ethereumBlockTime), "all are looked for")
	age := time.Duration(oldest)*chainBlockTime + 2*limits.MinAge
	headroom := 900 * ethereumBlockTime // more than an action lasts
	require.Less(t, age+headroom, limits.Timeout-limits.TimeoutSafetyMargin, "none is left alone")
}

func TestAProcessHasNothingOfTheEnvironmentThatConfiguresNodes(t *testing.T) {
	require.Equal(t, []string{"PATH=/bin", "HOME=/root"}, ownEnvironment([]string{
		"WALLETNODE_NETWORK_LISTEN=x", "PATH=/bin", "NOTIFY_SOCKET=/run/notify", "WATCHDOG_USEC=1", "HOME=/root",
	}))
}

func TestAProcessThatEndsByItselfIsTold(t *testing.T) {
	secrets, err := operatorKeys(drawLot(1), 1)
	require.NoError(t, err)
	o, err := newOperator(t.TempDir()+"/operator", secrets[0])
	require.NoError(t, err)
	failed := make(chan error, 1)
	require.NoError(t, o.startProcess(context.Background(), []string{"false"}, func(err error) { failed <- err }))
	require.ErrorContains(t, <-failed, "ended by itself")
	require.ErrorContains(t, o.running.(*process).kill(), "not killed but exit status 1")
	require.ErrorContains(t, o.startProcess(context.Background(), []string{"/nonexistent"}, nil), "start a node as a process")
}
