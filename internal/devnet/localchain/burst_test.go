package localchain

import (
	"context"
	"testing"

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
