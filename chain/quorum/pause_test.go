package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestPollsDifferByATenthAsChanceSays(t *testing.T) {
	for chance, want := range map[float64]time.Duration{0: 9 * time.Second, 0.5: 10 * time.Second, 0.75: 10500 * time.Millisecond} {
		c := Config{PollEvery: 10 * time.Second, Chance: func(key string) float64 {
			require.Equal(t, "a", key)
			return chance
		}}.complete()
		require.Equal(t, want, c.pause("a", ""))
		require.Equal(t, 2*want, c.pause("a", chain.TroubleRateLimited))
	}
	every := Config{PollEvery: 10 * time.Second}.complete().pause("a", "")
	require.InDelta(t, 10*time.Second, every, float64(time.Second))
}
