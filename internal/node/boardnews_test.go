package node

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/api"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/net"
)

// The page of a node looks at the store because the node's feed tells of a result, and what it shows is as new as that.
func TestTheDashboardIsToldByTheFeed(t *testing.T) {
	key := keyOf("ours")
	w := told
	w.wasClosed = new(bool)
	n, err := Assemble(t.Context(), Config{
		Operator: keys.Operator{Key: key, Address: operatorOf(key)}, Freshness: chain.Freshness{MaxSilence: time.Hour}, BlockTime: time.Second, FeeRate: 1,
		Store: store.Config{DSN: t.TempDir()}, Feed: &FeedConfig{Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))},
		Logger: func(string) *slog.Logger { return slog.New(slog.DiscardHandler) },
	}, Parts{Chain: seeds{still{w}, new(atomic.Int64), new(atomic.Bool)}, Network: func(net.Config, net.Deps) (Network, error) { return quietNetwork{}, nil }})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	at(n, 9010)
	window, _ := coordination.RFC12().Window(9000)
	require.NoError(t, n.store.OpenWindow(t.Context(), coordination.Opened{Block: 9000, At: 9010}))
	ended := make(chan error, 2)
	go func() { ended <- n.Run(ctx) }()

	board := NewBoard(n)
	var begun, changed atomic.Int64
	go func() {
		for ctx.Err() == nil { // until the mailbox is there
			first := true
			_ = board.News(ctx, func() {
				if first {
					begun.Add(1)
				}
				first = false
				changed.Add(1)
			})
			_ = pause.For(ctx, 20*time.Millisecond)
		}
		ended <- nil
	}()
	stored := byte(0)
	require.Eventually(t, func() bool {
		if begun.Load() > 0 {
			stored++
			_, err := n.store.RecordResult(t.Context(), coordination.Result{Wallet: chain.WalletID{stored, 1}, Window: window, Reason: coordination.ReasonNoop, OpenedAt: 9010})
			require.NoError(t, err)
		}
		return changed.Load() > begun.Load()
	}, patient, 50*time.Millisecond, "no window begins or ends: the feed alone tells")
	require.Positive(t, stored)
	before := board.Board().Records.Version
	require.NoError(t, board.Refresh(t.Context()))
	require.Greater(t, board.Board().Records.Version, before)
	stop()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
}

func TestANodeWithoutAFeedTellsItsPageNothing(t *testing.T) {
	require.ErrorIs(t, NewBoard(&Node{}).News(t.Context(), func() { t.Error("told") }), api.ErrNoFeed)
}
