package node

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/chaintest"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// booth is a place on the network of a test from which operators also talk about signatures.
type booth struct{ line }

func (b booth) OpenTopic(cfg net.TopicConfig) (Talk, error) {
	topic, err := b.Member.OpenTopic(cfg)
	if err != nil {
		return nil, err
	}
	return topic, nil
}

// The embedded signer as it is by default: it is opened with the node and found healthy, has no share of a wallet that was
// imported, and stays when other signers are configured.
func TestANodeHasASignerInItsProcessThatServesWhatWasMadeInIt(t *testing.T) {
	t.Parallel()
	var c config.Config
	c.Node.DataDir, c.Signing.Embedded, c.Signing.Placement = t.TempDir(), "auto", "derived"
	signs, err := signingConfig(c)
	require.NoError(t, err)
	require.Equal(t, placement.Active, signs.EmbeddedState)
	added := c
	added.Signers = []config.Signer{{ID: "enclave-1"}}
	require.False(t, added.HasEmbeddedSigner(), "none was started yet")

	key := keyOf("ours")
	eth := chaintest.New(800)
	netw := nettest.New(1, net.Schedule{}, inspect)
	t.Cleanup(netw.Close)
	n, err := Assemble(t.Context(), Config{
		Operator:  keys.Operator{Key: key, Address: operatorOf(key)},
		Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store:   store.Config{DSN: filepath.Join(c.Node.DataDir, "walletnode.db")},
		Signing: signs,
		Logger:  func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: blocks{eth}, Network: func(_ net.Config, deps net.Deps) (Network, error) {
		return booth{line{netw.Add(onNetwork(key), deps.Height)}}, nil
	}})
	require.NoError(t, err)
	require.True(t, added.HasEmbeddedSigner(), "its shares are there now")

	w := testWallet(t, operatorOf(key), chain.Operator{2})
	require.NoError(t, n.Store().ImportWallet(t.Context(), w, time.Now()))
	window, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	require.NoError(t, n.Store().OpenWindow(t.Context(), coordination.Opened{Block: 900, At: 900, Time: time.Now()}))
	won, err := n.Store().RecordResult(t.Context(), coordination.Result{
		Wallet: w.ID(), Window: window, Role: coordination.RoleFollower, Leader: chain.Operator{2}, OpenedAt: 900, ReceivedAt: 905,
		Proposal: proposal.Heartbeat{Message: [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 9}}, Reason: coordination.ReasonOK,
	})
	require.NoError(t, err)
	require.True(t, won)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	require.Eventually(t, func() bool {
		all := n.Signers().Backends()
		return len(all) == 1 && all[0].ID == config.EmbeddedSigner && all[0].Standing == placement.Healthy
	}, patient, 20*time.Millisecond, "the signer answers")
	height := chain.Height(1005) // the window is over
	eth.Show(height)
	var row store.Action
	require.Eventually(t, func() bool {
		if height < 1030 { // what the node does not know at one block it asks for at the next, for some forty
			height++
			eth.Show(height)
		}
		rows, err := n.Store().Actions(t.Context(), store.ActionFilter{From: 900, To: 900})
		if err != nil || len(rows) != 1 || !rows[0].Finished() {
			return false
		}
		row = rows[0]
		return true
	}, patient, 20*time.Millisecond, "the action ends")
	cancel()
	require.NoError(t, <-ended)
	require.Equal(t, string(action.NoSigner), row.Outcome)
	require.Contains(t, row.Detail, w.ID().String(), "it was looked for: a node without signers has nothing to say")
}
