package localchain

import (
	"context"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/rawdb"
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

// Blocks become final every 32 blocks; go-ethereum puts away what its database calls final.
func TestNoBlockIsPutAway(t *testing.T) {
	c := start(t, Config{})
	require.NoError(t, c.Mine(t.Context(), 100))
	database := c.backend.eth.ChainDb()
	require.Equal(t, common.Hash{}, rawdb.ReadFinalizedBlockHash(database))
	require.NoError(t, c.AdvanceTime(t.Context(), time.Hour))
	require.Equal(t, common.Hash{}, rawdb.ReadFinalizedBlockHash(database))
	require.NotZero(t, c.backend.eth.BlockChain().CurrentFinalBlock().Number.Uint64(), "who asks is told which block is final")
}
