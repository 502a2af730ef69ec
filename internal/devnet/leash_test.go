package devnet

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestTheChainWaitsForTheSlowestNodeAndNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLeash(slog.New(slog.DiscardHandler))
		require.False(t, l.taut(100), "there is nobody to wait for")
		fast, slow := clockAt(100), clockAt(90)
		l.join("fast", fast)
		require.False(t, l.taut(100+slack))
		l.join("slow", slow)
		require.True(t, l.taut(100))
		require.False(t, l.taut(90+slack))

		require.True(t, l.taut(100))
		time.Sleep(forbearance - 1)
		require.True(t, l.taut(100))
		slow.Observe(chain.Header{Height: 99})
		require.False(t, l.taut(100), "it has come")
		require.True(t, l.taut(105), "and is waited for as long again at another block")

		time.Sleep(forbearance)
		require.False(t, l.taut(105), "it has not come")
		fast.Observe(chain.Header{Height: 200})
		require.False(t, l.taut(200), "and is left behind for good")

		l.join("slow", slow)
		require.True(t, l.taut(200))
		l.leave("slow")
		require.False(t, l.taut(200))
	})
}

func clockAt(height chain.Height) *chain.Clock {
	c := chain.NewClock(chain.Freshness{MaxSilence: time.Minute}, 0)
	c.Observe(chain.Header{Height: height})
	return c
}
