package devnet

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// recording is a screen that keeps what it is shown.
type recording struct {
	mu      sync.Mutex
	began   time.Time
	first   time.Duration // until the first window's first block
	heights int
	reports []Report
	summary Summary
}

func (r *recording) Start(Intro) {}

func (r *recording) Height(h chain.Height) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heights++
	if h == 900 {
		r.first = time.Since(r.began)
	}
}

func (r *recording) Window(report Report) { r.reports = append(r.reports, report) }
func (r *recording) End(s Summary)        { r.summary = s }

// blockTime of the tests. A window's active phase takes two seconds with it, which two processors under the race
// detector keep up with.
const blockTime = 25 * time.Millisecond

// play runs a devnet and returns what the screen was shown.
func play(t *testing.T, cfg Config) *recording {
	t.Helper()
	r := &recording{began: time.Now()}
	cfg.Dir, cfg.Screen = t.TempDir(), r
	cfg.BlockTime, cfg.FastIdle = blockTime, true
	if cfg.Operators == 0 {
		cfg.Operators, cfg.Wallets, cfg.Seats = 5, 2, 10
	}
	sum, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, r.summary, sum)
	t.Logf("first window after %v; %d blocks; whole run %v", r.first, r.heights, time.Since(r.began))
	for _, report := range r.reports {
		t.Logf("%s", windowText(report))
	}
	return r
}

func requireExpected(t *testing.T, r *recording, windows int) {
	t.Helper()
	require.Empty(t, r.summary.Differences)
	require.True(t, r.summary.Expected)
	require.Equal(t, windows, r.summary.Windows)
	require.Len(t, r.reports, windows)
}

func TestThreeWindowsOnRealLibp2pAndTheSimulatedChain(t *testing.T) {
	r := play(t, Config{Scenario: "calm", Windows: 3, Seed: 1})
	requireExpected(t, r, 3)
	require.Equal(t, 3*5*2, r.summary.Results)
	for _, report := range r.reports {
		agreed := make(map[chain.WalletID]Row)
		for _, row := range report.Rows {
			first, seen := agreed[row.Wallet]
			if !seen {
				first = row
				agreed[row.Wallet] = row
			}
			require.Equal(t, first.Leader, row.Leader)
			require.Equal(t, "ok", *row.Reason)
			require.Equal(t, "Redemption", *row.Action)
			require.Empty(t, row.Faults)
		}
		require.Len(t, agreed, 2)
	}
}

func TestEveryScenarioEndsAsItsTableSays(t *testing.T) {
	for _, s := range Scenarios() {
		if s.Name == "calm" {
			continue // above
		}
		t.Run(s.Name, func(t *testing.T) {
			requireExpected(t, play(t, Config{Scenario: s.Name, Windows: 2, Seed: 2}), 2)
		})
	}
}
