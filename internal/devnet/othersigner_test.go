package devnet

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// One of an operator's two signers is away: its wallet cannot be signed for by that operator, the one of the other signer is, and
// the other operators sign both.
func TestTheWalletOfAnOperatorsOtherSignerIsSigned(t *testing.T) {
	beside(t)
	r := play(t, Config{Scenario: "enclave-down", Windows: 1, Operators: 3, Wallets: 2, Seats: 5, Enclaves: 2, Seed: 4}) // of which 2, 1 and 2 seats
	requireExpected(t, r, 1)
	ended := map[chain.Operator]map[string]int{}
	for _, row := range r.reports[0].Rows {
		if ended[row.Operator] == nil {
			ended[row.Operator] = map[string]int{}
		}
		ended[row.Operator][*row.Outcome]++
	}
	struck := 0
	for _, outcomes := range ended {
		if outcomes["signer_unavailable"] > 0 {
			struck++
			require.Equal(t, map[string]int{"signer_unavailable": 1, "ok": 1}, outcomes)
			continue
		}
		require.Equal(t, map[string]int{"ok": 2}, outcomes)
	}
	require.Equal(t, 1, struck)
	require.Len(t, ended, 3)
}
