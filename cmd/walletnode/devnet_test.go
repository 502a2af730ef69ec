package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/devnet"
)

func TestDevnetWritesOneJSONLinePerNodeWalletAndWindow(t *testing.T) {
	t.Setenv("GOLOG_LOG_LEVEL", "")
	dir := filepath.Join(t.TempDir(), "devnet")
	got := call(t, "", "devnet", "--operators", "3", "--wallets", "1", "--seats", "4", "--block-time", "25ms",
		"--windows", "1", "--scenario", "idle-leader", "--seed", "5", "--json", "--dir", dir)
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Contains(t, got.stderr, "walletnode --data-dir "+dir+"/operator-1 windows list")
	require.Regexp(t, `(?m)^dashboard of the first operator.*: http://127\.0\.0\.1:\d+/$`, got.stderr)

	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	require.Len(t, lines, 3*1+1)
	var ran []string // directories of the nodes that were not taken down; lines are in the order of the operators
	for i, line := range lines[:3] {
		var row map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &row), line)
		for _, field := range []string{"event", "operator", "wallet", "window", "role", "leader", "reason", "action", "faults", "received_block"} {
			require.Contains(t, row, field)
		}
		require.Len(t, row, 10)
		require.Equal(t, "window", row["event"])
		require.EqualValues(t, 900, row["window"])
		if row["reason"] == "leader_idle" {
			ran = append(ran, filepath.Join(dir, fmt.Sprintf("operator-%d", i+1)))
			require.Equal(t, "follower", row["role"])
			require.Nil(t, row["action"])
			require.Equal(t, []any{map[string]any{"kind": "leader_idle", "culprit": row["leader"], "attributed": true}}, row["faults"])
		}
	}
	require.Len(t, ran, 2, "the leader's own node was down")
	require.JSONEq(t, `{"event":"summary","scenario":"idle-leader","windows":1,"results":3,"expected":true,"differences":[]}`, lines[3])

	// What it left behind is read as any node's data is, also with its own configuration. The node that was down in its
	// first window has nothing of it to show.
	require.Contains(t, succeed(t, "", "windows", "show", "900", "--offline", "--data-dir", ran[0]), "900")
	require.NotEmpty(t, succeed(t, "", "wallets", "list", "--offline", "--config", filepath.Join(dir, "operator-1", "config.toml")))
	again := call(t, "", "devnet", "--dir", dir, "--windows", "1")
	require.Equal(t, codeFailure, again.code)
	require.Contains(t, again.stderr, "not empty")
}

// The process that scenario restart kills is this program again.
func TestDevnetKillsANodeThatIsAProcessOfItsOwn(t *testing.T) {
	t.Setenv("GOLOG_LOG_LEVEL", "")
	t.Setenv(asProgram, "1")
	got := call(t, "", "devnet", "--operators", "3", "--wallets", "1", "--seats", "4", "--block-time", "25ms",
		"--windows", "1", "--scenario", "restart", "--json")
	require.Equal(t, codeOK, got.code, got.stderr)
	require.Contains(t, got.stdout, `"scenario":"restart","windows":1,"results":3,"expected":true`)
}

func TestDevnetEndsWithCode6WhenTheJudgeIsNotSatisfied(t *testing.T) {
	var out bytes.Buffer
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	err := playDevnet(context.Background(), devnet.Config{
		Operators: 2, Wallets: 1, Seats: 2, BlockTime: 25 * time.Millisecond, FastIdle: true, Windows: 1, Seed: 1,
		Scenario: "calm", Expect: "idle-leader", Screen: devnet.PlainScreen(&out),
	}, false)
	require.Equal(t, codeUnexpected, exitCode(err))
	require.Equal(t, 6, codeUnexpected)
	require.Contains(t, out.String(), "NOT as expected")
	left, readErr := os.ReadDir(temp)
	require.NoError(t, readErr)
	require.Empty(t, left, "the directory is removed")
}

func TestDevnetRefusesWhatItCannotRun(t *testing.T) {
	for want, args := range map[string][]string{
		`there is no "wild" (there are: calm, idle-leader`:   {"--scenario", "wild"},
		"operators: 2 is not within 3 and 50":                {"--operators", "2", "--scenario", "impostor"},
		"operators: 0 is not within 1 and 50":                {"--operators", "0"},
		"wallets: 0 is not within 1 and 100":                 {"--wallets", "0"},
		"seats: 4 is not within the number of operators":     {"--seats", "4"},
		"seats: 256 is not within":                           {"--seats", "256"},
		"block time: 1ms is not within 5ms and 12s":          {"--block-time", "1ms"},
		"--guest: operator address":                          {"--guest", "0x12"},
		"guests: 50 operators and 1 guests are more than 50": {"--operators", "50", "--seats", "60", "--guest", ours},
		"windows: -1 is negative":                            {"--windows=-1"},
		`"x" is one argument too many`:                       {"x"},
		"--chaos: 0 windows are none":                        {"--chaos", "0"},
		"--chaos: it says how many windows there are":        {"--chaos", "3", "--windows", "3"},
		"instances: scenario restart is about one node":      {"--instances", "3", "--scenario", "restart"},
		"only calm can be struck":                            {"--chaos", "1", "--scenario", "impostor"},
		"is too short for leases of 10s":                     {"--chaos", "1", "--lease-ttl", "10s", "--block-time", "250ms"},
		"there are none that could be struck":                {"--lease-ttl", "10s"},
	} {
		got := call(t, "", append([]string{"devnet"}, args...)...)
		require.Equal(t, codeUsage, got.code, "%v: %s", args, got.stderr)
		require.Contains(t, got.stderr, want)
		require.Empty(t, got.stdout)
	}
}
