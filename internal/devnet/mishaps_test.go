package devnet

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/store"
)

// Nodes that record nothing, at a stand at which nobody says anything again: the devnet ends with why, rather than never.
func TestNobodyIsWaitedForWithoutEndAtAStand(t *testing.T) {
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	window, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	require.NoError(t, c.Mine(t.Context(), int(window.Block-c.Height()))) //nolint:gosec // less than a window
	clock := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, c.Height())

	o := &operator{address: chain.Operator{1}, dir: t.TempDir(), running: deaf{}}
	s, err := store.Open(t.Context(), store.Config{DSN: o.dir}, localchain.ChainID, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	a := &act{devnet: &devnet{ground: ground{chain: c, clock: clock}, operators: []*operator{o}}, window: window}
	a.elections = []election{{leader: chain.Operator{2}}}

	const bound = 100 * time.Millisecond
	for _, stand := range []struct {
		after chain.Height
		wait  func(context.Context) error
	}{
		{restartAfter, func(ctx context.Context) error { return a.restart(ctx, o, bound) }},
		{reorgAfter, func(ctx context.Context) error { return a.reorg(ctx, bound) }},
		{mendAfter, func(ctx context.Context) error { return a.heal(ctx, bound) }},
	} {
		at := window.Block + stand.after
		require.NoError(t, c.Release(t.Context()))
		require.NoError(t, c.Mine(t.Context(), int(at-c.Height()))) //nolint:gosec // less than a window
		head, err := c.Header(at)
		require.NoError(t, err)
		clock.Observe(head)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second) // for when nothing else ends it
		require.EqualError(t, stand.wait(ctx), unspoken, "at block %d", at)
		cancel()
	}
}

// deaf is a node that shows every block and hears nobody.
type deaf struct{}

func (deaf) height(context.Context) chain.Height         { return 1 << 32 }
func (deaf) admits(context.Context, chain.Operator) bool { return true }
func (deaf) refused(context.Context) []string            { return nil }
func (deaf) halt() error                                 { return nil }
