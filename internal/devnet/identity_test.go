package devnet

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// All devnets are of one chain and have the same windows, so what an operator says in two of them must not be of one slot. Seats are the
// same by one seed.
func TestDevnetsHaveNoKeyInCommon(t *testing.T) {
	type made struct {
		operators []chain.Operator
		wallets   []chain.Wallet
	}
	run := func() (m made) {
		l := drawLot(7)
		secrets, err := operatorKeys(l, 3)
		require.NoError(t, err)
		for _, key := range secrets {
			m.operators = append(m.operators, operatorOf(key))
		}
		m.wallets, err = makeWallets(l, 2, 9, m.operators)
		require.NoError(t, err)
		return m
	}
	first, second := run(), run()
	for i := range first.operators {
		require.NotContains(t, second.operators, first.operators[i])
	}
	for i, w := range first.wallets {
		for _, other := range second.wallets {
			require.NotEqual(t, w.Key(), other.Key())
		}
		for seat, operator := range w.Roster() {
			for n, of := range first.operators {
				require.Equal(t, operator == of, second.wallets[i].Roster()[seat] == second.operators[n])
			}
		}
	}
}
