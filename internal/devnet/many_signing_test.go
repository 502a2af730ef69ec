package devnet

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/pgserver"
)

// The instances of an operator, which are processes, share its signer: one of them takes part in the key generation, and whichever
// serves the wallet has it signed.
func TestInstancesShareTheirOperatorsSigners(t *testing.T) {
	r := &recording{}
	sum, err := Run(t.Context(), Config{
		Scenario: "calm", Windows: 2, Operators: 2, Wallets: 2, Seats: 4, Instances: 2, Enclaves: 1, Seed: 5,
		BlockTime: blockTime, FastIdle: true, Dir: t.TempDir(), Screen: r, Program: []string{buildProgram(t)},
	})
	if errors.Is(err, pgserver.ErrNotInstalled) && os.Getenv("WALLETNODE_REQUIRE_TOOLS") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.Empty(t, sum.Differences)
	require.True(t, sum.Expected)
	for _, report := range r.reports {
		t.Logf("%s", windowText(report))
	}
}
