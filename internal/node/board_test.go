package node

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net"
)

// seeds is a chain whose headers can be read, unless it is shut.
type seeds struct {
	still
	reads *atomic.Int64
	shut  *atomic.Bool
}

func (s seeds) Header(_ context.Context, h chain.Height) (chain.Header, error) {
	s.reads.Add(1)
	if s.shut.Load() {
		return chain.Header{}, errors.New("endpoint is away")
	}
	return chain.Header{Height: h, Hash: chain.Hash{byte(h), byte(h >> 8)}}, nil
}

// boardNode assembles a node on a database of its own.
func boardNode(t *testing.T) (n *Node, self chain.Operator, source seeds) {
	t.Helper()
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	self = chain.Operator(crypto.PubkeyToAddress(key.PublicKey))
	w := told
	w.wasClosed = new(bool)
	source = seeds{still{w}, new(atomic.Int64), new(atomic.Bool)}
	n, err = Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key, Address: self}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store:  store.Config{DSN: t.TempDir()},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: source, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { _ = n.Close() })
	return n, self, source
}

func at(n *Node, h chain.Height) { n.chain.clock.Observe(chain.Header{Height: h, Time: time.Now()}) }

func TestTheBoardShowsTheWindowAndWhatIsStored(t *testing.T) {
	n, self, source := boardNode(t)
	b := NewBoard(n)
	first := b.Board()
	require.Nil(t, first.Live.Head)
	require.Nil(t, first.Live.Window)
	require.Zero(t, first.Records.Version, "nothing was read yet")
	require.NoError(t, b.Refresh(t.Context()))
	require.Equal(t, uint64(1), b.Board().Records.Version)

	other := chain.Operator{2}
	wallet := testWallet(t, self, other, other)
	require.NoError(t, n.store.ImportWallet(t.Context(), wallet, time.Now()))
	at(n, 9010)
	window, _ := coordination.RFC12().Window(9000)
	require.NoError(t, n.store.OpenWindow(t.Context(), coordination.Opened{Block: 9000, At: 9010}))
	_, err := n.store.Begin(t.Context(), wallet.ID(), window, 9010)
	require.NoError(t, err)
	require.NoError(t, b.Refresh(t.Context()))
	board := b.Board()
	require.Equal(t, &view.Phase{Window: 9000, Index: 10, Phase: "active", Left: 70}, board.Live.Window)
	require.Equal(t, chain.Height(9900), board.Live.Next)
	require.Equal(t, chain.Height(858), board.Live.SeedIn)
	require.Len(t, board.Live.Instances.Instances, 1)
	require.Equal(t, self, board.Live.Operator)
	require.Len(t, board.Records.Wallets, 1)
	shown := board.Records.Wallets[0]
	require.Equal(t, [3]int{3, 1, 2}, [3]int{shown.Seats, shown.OwnSeats, shown.Operators})
	leader := view.Elect(wallet, window, chain.Hash{byte(window.SeedBlock & 0xff), byte(window.SeedBlock >> 8)}, self).Leader
	require.Equal(t, &leader, shown.Leader)
	require.Nil(t, shown.NextLeader)
	require.Equal(t, view.WindowOpen, *shown.State)
	require.Equal(t, []chain.Operator{self, other}, board.Records.Heat.Operators)

	won, err := n.store.RecordResult(t.Context(), coordination.Result{
		Wallet: wallet.ID(), Window: window, Leader: other, OpenedAt: 9010, Reason: coordination.ReasonLeaderIdle,
		Faults: []faults.Fault{{Key: faults.Key{Wallet: wallet.ID(), Window: 9000, Kind: faults.LeaderIdle, Culprit: other}, Attributed: true}},
	})
	require.NoError(t, err)
	require.True(t, won)
	require.NoError(t, b.Refresh(t.Context()))
	board = b.Board()
	require.Equal(t, coordination.ReasonLeaderIdle, *board.Records.Wallets[0].Reason)
	require.Equal(t, []view.HeatCell{{Operator: 1, Window: 9, State: view.HeatIdle, Idle: 1}}, board.Records.Heat.Cells)
	require.Len(t, board.Records.Faults, 1)
	trace, err := b.Record(t.Context(), 9000, nil)
	require.NoError(t, err)
	require.Equal(t, other, trace.Wallets[0].Faults[0].Culprit)
	_, err = b.Record(t.Context(), 1800, nil)
	require.ErrorIs(t, err, store.ErrNotFound)

	// While nothing changes nothing is read but whether it has changed.
	version, reads := board.Records.Version, source.reads.Load()
	for range 10 {
		require.NoError(t, b.Refresh(t.Context()))
	}
	require.Equal(t, version, b.Board().Records.Version)
	require.Equal(t, reads, source.reads.Load())

	at(n, 9870) // the next window's seed block is there, which changes the page though nothing was stored
	require.NoError(t, b.Refresh(t.Context()))
	require.NotNil(t, b.Board().Records.Wallets[0].NextLeader)
	require.Greater(t, b.Board().Records.Version, version)
}

func TestABoardWithoutASeedOrADatabaseSaysSo(t *testing.T) {
	n, self, source := boardNode(t)
	require.NoError(t, n.store.ImportWallet(t.Context(), testWallet(t, self, chain.Operator{2}), time.Now()))
	at(n, 9010)
	source.shut.Store(true)
	b := NewBoard(n)
	require.NoError(t, b.Refresh(t.Context()))
	require.Nil(t, b.Board().Records.Wallets[0].Leader)
	source.shut.Store(false)
	require.NoError(t, b.Refresh(t.Context()))
	require.NotNil(t, b.Board().Records.Wallets[0].Leader, "it is tried again")
	before := b.Board()
	require.Empty(t, before.Live.Trouble)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, b.Refresh(over))
	after := b.Board()
	require.NotEmpty(t, after.Live.Trouble)
	require.Equal(t, before.Records, after.Records, "what is known is still shown")
	require.GreaterOrEqual(t, after.Live.RecordsMS, before.Live.RecordsMS)
	require.NoError(t, b.Refresh(t.Context()))
	require.Empty(t, b.Board().Live.Trouble)
}
