package localchain

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
)

// Between two blocks of a burst nothing waits, and so nothing but a look would notice that the miner is to end.
func TestABurstEndsAtTheNextBlock(t *testing.T) {
	stop := func() {}
	c := start(t, Config{FastIdle: true, Busy: func() bool { stop(); return false }})
	for range 8 { // a miner that gave way by chance would do so once, not each time
		ctx, cancel := context.WithCancel(t.Context())
		stop = cancel
		before := c.Height()
		require.ErrorIs(t, c.Run(ctx), context.Canceled)
		require.Equal(t, before, c.Height())
	}
}

// Blocks become final every 32 blocks; go-ethereum puts away what is final when it looks, here at once rather than each minute.
func TestNoBlockIsPutAway(t *testing.T) {
	c := start(t, Config{})
	require.NoError(t, c.Mine(t.Context(), 100))
	require.NoError(t, c.AdvanceTime(t.Context(), time.Hour))
	require.NotZero(t, c.backend.eth.BlockChain().CurrentFinalBlock().Number.Uint64(), "who asks is told which block is final")
	database := c.backend.eth.ChainDb()
	require.NotZero(t, rawdb.ReadFinalizedBlockHash(database), "so is who puts blocks away")
	within, ok := reflect.ValueOf(database).Elem().FieldByName("Database").Interface().(interface{ Freeze() error }) // the node's is around it
	require.True(t, ok)
	require.NoError(t, within.Freeze())
	away, err := database.Ancients()
	require.NoError(t, err)
	require.Zero(t, away)
	receipts, err := c.backend.client.BlockReceipts(t.Context(), rpc.BlockNumberOrHashWithNumber(0))
	require.NoError(t, err)
	require.Empty(t, receipts, "the first block can be asked for them")
}
