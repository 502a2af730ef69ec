package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode"
)

// mistakes are ten in one file: a value of each wrong kind, rules broken, and keys that do not exist.
const mistakes = `[node]
shutdown_grace = 60
[operator]
keyfile = "k"
[ethereum]
url = "ftp://example.org/secret"
bridge = "0x12"
call_timout = "1s"
[network]
listen = ["nowhere"]
mdns = "yes"
[redemption]
fee_rate = 0
[log]
level = "loud"
[ntework]
peers = []
`

func writeFile(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestBadInputAConfigOfTenMistakesPrintsTenLines(t *testing.T) {
	path := writeFile(t, "config.toml", mistakes)
	t.Setenv("WALLETNODE_OPERATOR_KEY_FILE", "k")
	t.Setenv("WALLETNODE_ETHEREUM_VALIDATOR", "0x2222222222222222222222222222222222222222")
	got := call(t, "", "config", "validate", "--config", path)
	require.Equal(t, codeUsage, got.code)
	require.Empty(t, got.stdout)
	lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
	require.Len(t, lines, 10, got.stderr)
	for _, line := range lines {
		require.True(t, strings.HasPrefix(line, "walletnode: "+path+":"), line)
	}
	require.Contains(t, got.stderr, path+":4:1: operator.keyfile: unknown key (did you mean operator.key_file?)")
	require.NotContains(t, got.stderr, "secret")

	got = call(t, "", "config", "validate", "--json", "--config", path)
	require.Equal(t, codeUsage, got.code)
	require.Empty(t, got.stderr)
	var v validation
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &v))
	require.False(t, v.Valid)
	require.Len(t, v.Complaints, 10)
	require.Equal(t, complaint{At: path + ":2:1", File: path, Line: 2, Column: 1, Key: "node.shutdown_grace", Reason: `want a duration with its unit, like "60s"`}, v.Complaints[0])
}

func TestConfigValidateTellsWhatItRead(t *testing.T) {
	path := writeFile(t, "config.toml", walletnode.SampleConfig)
	require.Equal(t, path+": valid\n", succeed(t, "", "config", "validate", "-c", path))
	require.Equal(t, path+": valid\n", succeed(t, "", "config", "validate", "--data-dir", filepath.Dir(path)), "it is found in the data directory")
	doc := document(t, succeed(t, "", "config", "validate", "-c", path, "--json"))
	require.Equal(t, map[string]any{"valid": true, "file": path, "complaints": []any{}, "warnings": []any{}}, doc)
}

func TestConfigValidateWarnsOfAnEvenNumberOfVoteGroups(t *testing.T) {
	path := writeFile(t, "config.toml", strings.Replace(walletnode.SampleConfig, "enabled = false", "enabled = true", 1)+
		"\n[[ethereum.multi.endpoints]]\nname = \"other\"\nurl = \"ws://127.0.0.1:8547\"\n")
	got := call(t, "", "config", "validate", "-c", path)
	require.Zero(t, got.code)
	require.Equal(t, path+": valid\n", got.stdout)
	require.Contains(t, got.stderr, "walletnode: warning: even_vote_groups: "+path+":")

	var v validation
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "config", "validate", "-c", path, "--json")), &v))
	require.True(t, v.Valid)
	require.Len(t, v.Warnings, 1)
	require.Equal(t, "even_vote_groups", v.Warnings[0].State)
	require.Equal(t, "ethereum.multi.endpoints", v.Warnings[0].Key)
	require.NotZero(t, v.Warnings[0].Line)
}

func TestConfigSampleIsTheFileOfTheRepository(t *testing.T) {
	file, err := os.ReadFile("../../config.toml.sample")
	require.NoError(t, err)
	require.Equal(t, string(file), succeed(t, "", "config", "sample"))
}

func TestConfigPrintTellsValuesAndOriginsAndHidesKeys(t *testing.T) {
	path := writeFile(t, "config.toml", "[ethereum]\nurl = \"wss://example.org/v3/secret\"\n")
	t.Setenv("WALLETNODE_REDEMPTION_FEE_RATE", "7")
	out := succeed(t, "", "config", "print", "-c", path, "--log-level", "warn")
	require.Contains(t, out, "\nurl = \"wss://example.org/v3/secret\"\n")
	require.NotContains(t, out, " # ")

	out = succeed(t, "", "config", "print", "-c", path, "--origins", "--redact", "--log-level", "warn")
	require.Contains(t, out, "\nurl = \"wss://example.org/REDACTED\" # "+path+":2:1\n")
	require.Contains(t, out, "\nfee_rate = 7 # WALLETNODE_REDEMPTION_FEE_RATE\n")
	require.Contains(t, out, "\nlevel = \"warn\" # --log-level\n")
	require.Contains(t, out, "\nformat = \"text\" # default\n")
	require.Contains(t, out, "\n# bridge is not set\n")

	raw := succeed(t, "", "config", "print", "-c", path, "--origins", "--redact", "--json")
	require.NotContains(t, raw, "secret")
	require.Contains(t, raw, `"key": "redemption.fee_rate"`)
	first := document(t, raw)["settings"].([]any)[0]
	require.Equal(t, "node.data_dir", first.(map[string]any)["key"])
	require.Equal(t, "default", first.(map[string]any)["origin"])
}
