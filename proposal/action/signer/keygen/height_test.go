package keygen_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// A backend takes the height of a key generation for the chain's ever after: too low a one would leave the key without windows.
func TestAKeyIsGeneratedAtTheHeightOfNow(t *testing.T) {
	for name, before := range map[string]func() (chain.Height, bool){
		"before the first head":   func() (chain.Height, bool) { return 0, false },
		"no block":                func() (chain.Height, bool) { return 0, true },
		"while the head is stale": func() (chain.Height, bool) { return 100, false },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, all := circle(t, 3)
				var there atomic.Bool
				all[2].height = func() (chain.Height, bool) {
					if there.Load() {
						return 1000, true
					}
					return before()
				}
				session := create(t, all, 2, 1, 1, 1)
				time.Sleep(5 * time.Minute)
				_, begun := all[2].backend.opened(session)
				require.False(t, begun)
				require.Equal(t, keygen.Running, all[2].status(session).State)

				there.Store(true)
				time.Sleep(time.Minute)
				for _, m := range all {
					require.Equal(t, keygen.Active, m.status(session).State)
				}
				height, begun := all[2].backend.opened(session)
				require.True(t, begun)
				require.Equal(t, chain.Height(1000), height)
			})
		})
	}
}

func TestNoKeyIsGeneratedByANodeWithoutTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, all := circle(t, 3)
		all[2].height = func() (chain.Height, bool) { return 900, false }
		session := create(t, all, 2, 1, 1, 1)
		time.Sleep(time.Hour)
		for _, m := range all {
			st := m.status(session)
			require.Equal(t, keygen.Failed, st.State)
			require.NotContains(t, m.backend.states(), signer.KeyActive)
		}
		require.Contains(t, all[2].status(session).Detail, "the chain's height is not known")
		require.Contains(t, all[0].status(session).Detail, operator(3).String())
		_, begun := all[2].backend.opened(session)
		require.False(t, begun)
		require.Empty(t, all[2].backend.states())
	})
}
