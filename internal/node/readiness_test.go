package node

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// registry is the wallets of a test.
type registry []chain.Wallet

func (r registry) Wallets(context.Context) ([]chain.Wallet, error) { return r, nil }

// channel is a joined channel that sees some operators; readiness asks it nothing else.
type channel struct {
	executor.Channel
	operators int
}

func (c channel) Sight() net.Sight { return net.Sight{Subscribed: true, Operators: c.operators} }

func testWallet(t *testing.T, operators ...chain.Operator) chain.Wallet {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), operators)
	require.NoError(t, err)
	return w
}

// nodeForChecks makes a node of the parts that readiness looks at, with one wallet of ours alone and one that is shared.
func nodeForChecks(t *testing.T) (*Node, chain.Wallet, chain.Wallet) {
	t.Helper()
	self := chain.Operator{1}
	sole, shared := testWallet(t, self, self), testWallet(t, self, chain.Operator{2})
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{DSN: dir}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	n := &Node{
		stage: newStage(), store: s,
		cfg:     Config{Store: store.Config{DSN: dir}},
		chain:   follows(t, chain.Freshness{MaxSilence: time.Minute}),
		sharing: &sharing{lists: lists{halts: newHalts()}},
		members: &membership{self: self, registry: registry{sole, shared}, joined: map[chain.WalletID]executor.Channel{}},
	}
	return n, sole, shared
}

func failing(r view.Readiness) map[string]string {
	reasons := map[string]string{}
	for _, c := range r.Failing() {
		reasons[c.Name] = c.Reason
	}
	return reasons
}

func TestReadinessTellsWhatIsMissing(t *testing.T) {
	n, sole, shared := nodeForChecks(t)
	r := n.Readiness(t.Context())
	require.False(t, r.Ready)
	require.Equal(t, "starting", r.State)
	require.Len(t, r.Checks, len(metrics.Checks()))
	reasons := failing(r)
	require.Contains(t, reasons["state"], "being put together")
	require.Contains(t, reasons["chain_clock"], "no fresh block")
	require.Contains(t, reasons["wallets"], sole.ID().String())
	require.NotContains(t, reasons, "store")
	require.NotContains(t, reasons, "disk")

	n.members.joined[sole.ID()], n.members.joined[shared.ID()] = channel{}, channel{}
	n.stage.advance(Active)
	n.chain.follow(chain.Header{Height: 900, Hash: chain.Hash{1}, Time: time.Now()})
	require.Equal(t, map[string]string{"peers": "connected to no other operator of " + shared.ID().String()}, failing(n.Readiness(t.Context())),
		"a wallet of which all seats are ours needs no peer")

	n.members.joined[shared.ID()] = channel{operators: 1}
	r = n.Readiness(t.Context())
	require.True(t, r.Ready, "%v", r.Failing())

	n.stage.advance(Draining)
	require.Contains(t, failing(n.Readiness(t.Context()))["state"], "told to stop")
	require.NoError(t, n.store.Close())
	require.Contains(t, failing(n.Readiness(t.Context()))["store"], "store is closed")
}

func TestR8AStaleClockIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Node{chain: follows(t, chain.Freshness{MaxSilence: time.Minute})}
		n.chain.follow(chain.Header{Height: 900, Hash: chain.Hash{1}, Time: time.Now()})
		require.True(t, n.chain.checkClock().OK)
		time.Sleep(time.Minute + time.Second)
		c := n.chain.checkClock()
		require.False(t, c.OK)
		require.Equal(t, "block 900 received 1m1s ago, 1m1s old by its own time", c.Current)
		require.Equal(t, "a block received within 1m0s", c.Required)
	})
}

func TestAReasonNamesAFewWallets(t *testing.T) {
	ids := make([]chain.WalletID, 1000)
	require.Contains(t, some(ids), " and 997 more")
	require.Equal(t, ids[0].String(), some(ids[:1]))
}
