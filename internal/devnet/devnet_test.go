package devnet

import (
	"context"
	"crypto/ecdsa"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/bubble"
)

// recording is a screen that keeps what it is shown.
type recording struct {
	mu      sync.Mutex
	began   time.Time
	first   time.Duration // until the first window's first block
	heights int
	notes   []string
	intro   Intro
	reports []Report
	summary Summary
	look    func() // if any, at the end of each window
}

func (r *recording) Note(text string) { r.notes = append(r.notes, text) }
func (r *recording) Start(i Intro)    { r.intro = i }

func (r *recording) Height(h chain.Height) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heights++
	if h == 900 {
		r.first = time.Since(r.began)
	}
}

func (r *recording) Window(report Report) {
	r.reports = append(r.reports, report)
	if r.look != nil {
		r.look()
	}
}

func (r *recording) End(s Summary) { r.summary = s }

// blockTime of the tests. A window's active phase takes two seconds with it, which two processors under the race
// detector keep up with.
const blockTime = 25 * time.Millisecond

// polledBlockTime is that of scenarios in which endpoints are polled: every twentieth block at minPoll, and when one comes.
const polledBlockTime = 100 * time.Millisecond

// beside lets a test run beside others. A devnet waits for blocks most of the time, and all together must stay within the ten minutes that go
// test gives a package without asking: so those are parallel that take long and strike nobody. Under the race detector they do not wait but
// work, and two at once starve each other.
func beside(t *testing.T) {
	t.Helper()
	if !bubble.Watched {
		t.Parallel()
	}
}

// play runs a devnet and returns what the screen was shown.
func play(t *testing.T, cfg Config) *recording {
	t.Helper()
	r, ok := cfg.Screen.(*recording)
	if !ok {
		r = new(recording)
	}
	r.began = time.Now()
	cfg.Dir, cfg.Screen = t.TempDir(), r
	cfg.Program = []string{"/nonexistent"} // not this test binary
	if known, _ := scenarioNamed(cfg.Scenario); cfg.Scenario == "restart" || cfg.Enclaves > 0 || known.proves {
		cfg.Program = []string{buildProgram(t)}
	}
	cfg.BlockTime, cfg.FastIdle = blockTime, true
	if s, ok := scenarioNamed(cfg.Scenario); ok && s.ill > 0 {
		cfg.BlockTime = polledBlockTime
		if bubble.Watched {
			cfg.BlockTime *= 4 // of a poll that takes too long an endpoint is thought to be ill, and of three of them that the chain cannot be seen
		}
		cfg.Operators, cfg.Wallets, cfg.Seats = 4, 2, 10 // with five endpoints each; the race detector has the rest
	}
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

// program is walletnode for nodes that run as processes of their own, built once for all tests.
var program = struct {
	sync.Once
	dir  string // that TestMain makes and removes
	says []byte // the builder
	err  error
}{}

// buildProgram returns where it is.
func buildProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(program.dir, "walletnode")
	program.Do(func() {
		program.says, program.err = exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/walletnode").CombinedOutput() //nolint:gosec // our own
	})
	require.NoError(t, program.err, "%s", program.says)
	return path
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "walletnode-devnet-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(dir) }() // nothing of it is wanted
		program.dir = dir
		flag.Parse()
		asked := false
		flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
		if !asked { // see beside: they wait, and as many as there are processors leave those idle
			if err := flag.Set("test.parallel", "4"); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return m.Run()
	}())
}

func requireExpected(t *testing.T, r *recording, windows int) {
	t.Helper()
	require.Empty(t, r.summary.Differences)
	require.True(t, r.summary.Expected)
	require.Equal(t, windows, r.summary.Windows)
	require.Len(t, r.reports, windows)
}

func TestThreeWindowsOnRealLibp2pAndTheSimulatedChain(t *testing.T) {
	looked := 0
	r := new(recording)
	r.look = func() { // at the page, which is the first operator's
		looked++
		seen := lookAt(t, r.intro.Board)
		require.Equal(t, r.intro.Operators[0].Operator, seen.live.Operator)
		require.Len(t, seen.records.Wallets, 2)
		require.Len(t, seen.records.Heat.Operators, 5)
	}
	play(t, Config{Scenario: "calm", Windows: 3, Seed: 1, Screen: r})
	require.Equal(t, 3, looked)
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

// watched are the scenarios that the race detector watches, beside the calm one. It makes each take a minute of a processor, and what
// it finds are races of the nodes: so there is one for each part of a node that a scenario reaches (an actor's words, proofs and a cut of
// the network, a start within a window, a reorganisation, a disk that is slow, peers that are banned, signers, endpoints). What the
// others add is another culprit or another time, which the judge looks at, and not the detector.
var watched = map[string]bool{
	"idle-leader": true, "two-faced-leader-partitioned": true, "late-node": true, "reorg": true, "slow-disk": true, "flood": true,
	"signer-cheats": true, "rpc-majority-down": true,
}

// onlyUnwatched is the variable that leaves out the scenarios that are watched, where another run has them under the race detector.
const onlyUnwatched = "WALLETNODE_ONLY_UNWATCHED"

func TestEveryScenarioEndsAsItsTableSays(t *testing.T) {
	beside(t)
	// Two windows where what happens takes turns, or where the next window shows that a node is back.
	windows := map[string]int{
		"idle-leader": 1, "mistaken-leader": 2, "impostor": 1, "two-faced-leader": 1, "two-faced-leader-partitioned": 1, "restart": 2, "skipped-heads": 2,
		"late-node": 2, "stalled-chain": 2, "reorg": 1, "slow-disk": 2, "flood": 3,
		"partition": 2, "enclave-down": 2, "enclave-retired": 1, "signers-below-quorum": 2, "signer-cheats": 1,
		"heartbeats": 1, "inactive-signers": 3,
		"rpc-liar": 1, "rpc-fork": 1, "rpc-blackhole": 1, "rpc-minority-down": 1, "rpc-majority-down": 2,
	}
	for _, s := range Scenarios() {
		if s.Name == "calm" {
			continue // above
		}
		t.Run(s.Name, func(t *testing.T) {
			beside(t)
			if bubble.Watched && !watched[s.Name] {
				t.Skip("nodes do nothing here that they do not do in a scenario that is watched; run without -race")
			}
			if !bubble.Watched && watched[s.Name] && os.Getenv(onlyUnwatched) != "" {
				t.Skip("played under the race detector, says " + onlyUnwatched)
			}
			n := windows[s.Name]
			require.Positive(t, n)
			known, _ := scenarioNamed(s.Name)
			cfg := Config{Scenario: s.Name, Windows: n, Seed: 2, Enclaves: known.enclaves}
			if known.draws { // one wallet is enough, and blocks are slow from each window's end on
				cfg.Operators, cfg.Wallets, cfg.Seats, cfg.Seed = 3, 1, 5, 4 // of which 2, 1 and 2 seats
			}
			requireExpected(t, play(t, cfg), n)
		})
	}
}

func operatorOf(key *ecdsa.PrivateKey) chain.Operator {
	return chain.Operator(crypto.PubkeyToAddress(key.PublicKey))
}

func TestADevnetWritesOverNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "precious"), nil, 0o600))
	_, err := Run(t.Context(), Config{
		Operators: 1, Wallets: 1, Seats: 1, BlockTime: blockTime, Scenario: "calm", Dir: dir, Screen: &recording{},
	})
	require.ErrorContains(t, err, "not empty")
}

// An interruption ends a devnet in good order also while it gathers, and while nodes are down and an actor is there.
func TestAnInterruptionLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for _, at := range []chain.Height{869, 905} {
		ctx, cancel := context.WithCancel(t.Context())
		r := &interrupting{at: at, cancel: cancel}
		sum, err := Run(ctx, Config{
			Operators: 3, Wallets: 1, Seats: 3, BlockTime: blockTime, FastIdle: true, Windows: 1, Scenario: "idle-leader",
			Dir: t.TempDir(), Screen: r,
		})
		require.NoError(t, err, "block %d", at)
		require.False(t, sum.Expected, "block %d", at)
		require.Equal(t, []string{"ended after 0 of 1 windows"}, sum.Differences)
	}
	// What go-ethereum leaves behind and no one can end is what localchain's own leak check names. The sender cache is
	// there for the whole process, but not yet before its first chain, which may be this test's.
	goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/core.(*txSenderCacher).cache"),
		goleak.IgnoreTopFunction("github.com/syndtr/goleveldb/leveldb.(*DB).mpoolDrain"),
		goleak.IgnoreTopFunction("github.com/ethereum/go-ethereum/eth/filters.(*Subscription).Unsubscribe.func1"))
}

// interrupting is a screen that interrupts the devnet at a height.
type interrupting struct {
	recording
	at     chain.Height
	cancel context.CancelFunc
}

func (i *interrupting) Height(h chain.Height) {
	if h == i.at {
		i.cancel()
	}
}

func TestOneOperatorAloneIsADevnetToo(t *testing.T) {
	r := play(t, Config{Scenario: "calm", Windows: 1, Operators: 1, Wallets: 1, Seats: 1})
	requireExpected(t, r, 1)
}
