package devnet

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/pgserver"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// playMany runs a devnet with instances whose operator has a signer, and returns what the screen was shown.
func playMany(t *testing.T, cfg Config) *recording {
	t.Helper()
	r := &recording{}
	cfg.Scenario, cfg.Operators, cfg.Wallets, cfg.Seats, cfg.Instances, cfg.Enclaves = "calm", 2, 2, 4, 2, 1
	cfg.FastIdle, cfg.Dir, cfg.Screen, cfg.Program = true, t.TempDir(), r, []string{buildProgram(t)}
	sum, err := Run(t.Context(), cfg)
	if errors.Is(err, pgserver.ErrNotInstalled) && os.Getenv("WALLETNODE_REQUIRE_TOOLS") == "" {
		t.Skip(err)
	}
	require.NoError(t, err)
	for _, report := range r.reports {
		t.Logf("%s", windowText(report))
		for _, row := range report.Rows {
			require.Equal(t, "ok", *row.Outcome)
			require.NotNil(t, row.Transaction)
		}
	}
	require.Empty(t, sum.Differences)
	require.True(t, sum.Expected)
	return r
}

// The instances of an operator, which are processes, share its signer: one of them takes part in the key generation, and whichever
// serves the wallet has it signed. The second window pays from the change of the first.
func TestInstancesShareTheirOperatorsSigners(t *testing.T) {
	beside(t)
	r := playMany(t, Config{Windows: 2, Seed: 5, BlockTime: blockTime})
	require.Len(t, r.reports, 2)
	other, err := store.OpenReader(t.Context(), "sqlite:"+filepath.Join(r.intro.Operators[1].Dir, "walletnode.db"))
	require.NoError(t, err)
	defer other.Close()
	placed, err := other.Assignments(t.Context())
	require.NoError(t, err)
	require.Len(t, placed, 2)
	for _, p := range placed {
		require.Equal(t, []any{"enclave-1", placement.Assigned}, []any{p.Backend, p.State})
	}
}

// An instance is killed in the middle of the first attempt, and stays away for longer than its lease: the other one has its wallet
// signed, and no signer is bound to two transactions.
func TestSignaturesOfAnInstanceThatIsKilledAreMadeByAnother(t *testing.T) {
	r := playMany(t, Config{
		Windows: 1, Seed: 6, BlockTime: 250 * time.Millisecond, Lease: 4 * time.Second, Chaos: true,
		strikes: func(*rand.Rand, []string, chaosPace) []Strike {
			return []Strike{{StrikeKill, "a", signingBegin + 1, signingBegin + 50}}
		},
	})
	require.Len(t, r.reports, 1)
	require.Equal(t, []int{2, 0}, []int{r.summary.Chaos.Signed, r.summary.Chaos.DoubleSigned})
	require.Zero(t, r.summary.Chaos.Doubles+r.summary.Chaos.Lost+r.summary.Chaos.Accused+r.summary.Chaos.Orphans)
}
