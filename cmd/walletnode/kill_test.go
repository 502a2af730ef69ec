package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	ethcrypto "github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/internal/keys"
	"github.com/walletnode/walletnode/internal/store"
)

// kills is how often the process is killed: often enough to hit it while it starts, leads, records and rests.
const kills = 15

// A real process, killed with SIGKILL at random points: no recorded result is lost or changes, no finished window is
// repeated, and in the end every window is accounted for.
func TestR1KillingTheProcessAtAnyPointLosesAndRepeatsNothing(t *testing.T) {
	miner := minedChain(t, localchain.Config{BlockTime: 10 * time.Millisecond, FastIdle: true})
	in := install(t, miner.URL(), miner.Bridge().Hex(), miner.Validator().Hex())
	operator, err := keys.LoadOperator(in.key, "secret")
	require.NoError(t, err)
	const wallets = 3
	for n := range wallets { // every seat is ours, so the node leads each window of each wallet
		path := filepath.Join(in.dir, fmt.Sprintf("wallet%d.json", n))
		require.NoError(t, os.WriteFile(path, soleManifest(t, operator.Address), 0o600))
		succeed(t, "", "wallets", "import", path, "-c", in.config)
	}

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	before := map[string]store.WindowRow{}
	dsn := "sqlite:" + filepath.Join(in.dir, "walletnode.db")
	for n := range kills {
		if n%3 == 2 { // down for longer: past a window's end, sometimes past a whole window
			require.NoError(t, miner.Until(t.Context(), miner.Height()+chain.Height(random.Int64N(1500))))
		}
		var stderr bytes.Buffer
		node := startNode(t, in, &stderr)
		time.Sleep(time.Duration(random.Int64N(int64(2500 * time.Millisecond)))) // the random point
		require.NoError(t, node.Process.Kill())
		require.ErrorContains(t, node.Wait(), "killed", "it must not have ended by itself: %s", &stderr)
		before = checkRows(t, dsn, before)
	}

	var stderr bytes.Buffer
	node := startNode(t, in, &stderr)
	last := coordination.RFC12().Next(coordination.RFC12().Next(miner.Height()).Block)
	require.NoError(t, miner.Until(t.Context(), last.End+20))
	require.Eventually(t, func() bool { return finishedIn(t, dsn, last.Block) == wallets }, 3*time.Minute, 50*time.Millisecond)
	require.NoError(t, node.Process.Signal(os.Interrupt))
	require.NoError(t, node.Wait(), "%s", &stderr)
	checkAccounts(t, dsn, before, wallets, last.Block)
}

// startNode runs the start command as a process of its own.
func startNode(t *testing.T, in installation, stderr *bytes.Buffer) *exec.Cmd {
	t.Helper()
	node := exec.Command(os.Args[0], "start", "-c", in.config, "--log-level", "error") //nolint:gosec // this test binary
	node.Env = append(os.Environ(), asProgram+"=1", config.PasswordVariable+"=secret")
	node.Stderr = stderr
	require.NoError(t, node.Start())
	t.Cleanup(func() { _ = node.Process.Kill() }) // for when the test fails half-way
	return node
}

func soleManifest(t *testing.T, op chain.Operator) []byte {
	t.Helper()
	key, err := ethcrypto.GenerateKey()
	require.NoError(t, err)
	w, err := chain.NewWallet(chain.PublicKey(ethcrypto.FromECDSAPub(&key.PublicKey)), []chain.Operator{op, op})
	require.NoError(t, err)
	text, err := coordination.MarshalManifest(w)
	require.NoError(t, err)
	return text
}

func storedRows(t *testing.T, dsn string) []store.WindowRow {
	t.Helper()
	r, err := store.OpenReader(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	rows, err := r.Windows(t.Context(), store.WindowFilter{})
	require.NoError(t, err)
	return rows
}

func finishedIn(t *testing.T, dsn string, block chain.Height) int {
	n := 0
	for _, row := range storedRows(t, dsn) {
		if row.Block == block && row.Missed == nil && !row.Open {
			n++
		}
	}
	return n
}

// checkRows compares what is recorded with what was recorded before the last kill: what was final still stands, unchanged.
func checkRows(t *testing.T, dsn string, before map[string]store.WindowRow) map[string]store.WindowRow {
	t.Helper()
	now := map[string]store.WindowRow{}
	for _, row := range storedRows(t, dsn) {
		key := fmt.Sprintf("%d %s %v", row.Block, row.Wallet, row.Missed)
		if row.Missed != nil {
			key = fmt.Sprintf("missed %d..%d", row.Missed.First, row.Missed.Last)
		}
		require.NotContains(t, now, key)
		if !row.Open {
			row.Outcome, row.Pending = "", false // actions end after their windows
			now[key] = row
		}
	}
	for key, row := range before {
		require.Contains(t, now, key, "a recorded result was lost")
		require.Equal(t, row, now[key], "a finished window was repeated")
	}
	return now
}

// checkAccounts demands that every window from the first one on has each wallet's result, or was recorded as missed.
func checkAccounts(t *testing.T, dsn string, before map[string]store.WindowRow, wallets int, last chain.Height) {
	t.Helper()
	checkRows(t, dsn, before)
	accounts := map[chain.Height]int{}
	reasons := map[coordination.Reason]int{}
	for _, row := range storedRows(t, dsn) {
		require.False(t, row.Open && row.Block < last, "window %d was left open", row.Block)
		reasons[row.Reason]++
		if row.Missed == nil {
			accounts[row.Block]++
			continue
		}
		for block := row.Missed.First; block <= row.Missed.Last; block += 900 {
			accounts[block] += wallets
		}
	}
	var blocks []chain.Height
	for block := range accounts {
		blocks = append(blocks, block)
	}
	first := slices.Min(blocks)
	for block := first; block <= last; block += 900 {
		require.Equal(t, wallets, accounts[block], "window %d", block)
	}
	t.Logf("windows %d to %d: %v", first, last, reasons)
	require.Positive(t, reasons[coordination.ReasonNoop]+reasons[coordination.ReasonOK]+reasons[coordination.ReasonGenerationFailed], "some window must have run")
}
