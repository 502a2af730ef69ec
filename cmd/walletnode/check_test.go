package main

import (
	"encoding/json"
	stdnet "net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/check"
	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// checks is the document of "check --json".
type checks struct {
	OK     bool      `json:"ok"`
	Checks []checked `json:"checks"`
}

func TestCheckAllOfASoundNode(t *testing.T) {
	chain, err := localchain.New(localchain.Config{BlockTime: time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, chain.Close()) })
	in := install(t, chain.URL(), chain.Bridge().Hex(), chain.Validator().Hex())
	t.Setenv(config.PasswordVariable, "secret")

	got := call(t, "", "check", "all", "-c", in.config)
	require.Zero(t, got.code, got.stdout+got.stderr)
	require.Empty(t, got.stderr)
	require.Regexp(t, `RESULT  AREA +CHECK`, got.stdout)
	for _, area := range check.Areas() {
		require.Regexp(t, `(?m)^(PASS|WARN|SKIP)    `+area+` `, got.stdout)
	}
	require.Contains(t, got.stdout, "what to do:\n  chain chain_id: set ethereum.chain_id")

	var doc checks
	got = call(t, "", "check", "all", "--strict", "--json", "-c", in.config)
	require.Equal(t, codeFailed, got.code)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &doc))
	require.False(t, doc.OK)
	require.Equal(t, "PASS", doc.Checks[0].Status)
	require.GreaterOrEqual(t, doc.Checks[0].Milliseconds, 0.0)
}

func TestCheckFailsWithSixAndSaysWhatToDo(t *testing.T) {
	const nobody = "0x1111111111111111111111111111111111111111"
	in := install(t, "ws://127.0.0.1:1/hunter2", nobody, nobody)
	got := call(t, "", "check", "chain", "-c", in.config)
	require.Equal(t, codeFailed, got.code)
	require.Contains(t, got.stdout, "FAIL    chain  endpoint")
	require.Contains(t, got.stdout, "what to do:\n  chain endpoint: check ethereum.url")
	require.NotContains(t, got.stdout+got.stderr, "hunter2")

	path := writeFile(t, "config.toml", mistakes)
	var doc checks
	got = call(t, "", "check", "config", "--json", "-c", path)
	require.Equal(t, codeFailed, got.code)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &doc))
	require.GreaterOrEqual(t, len(doc.Checks), 10)
	require.Contains(t, got.stdout, "did you mean operator.key_file?")

	// What is missing for a start does not keep the other areas from being tried.
	t.Setenv("WALLETNODE_NETWORK_LISTEN", "/ip4/127.0.0.1/tcp/0")
	require.Zero(t, call(t, "", "check", "ports", "--data-dir", t.TempDir()).code)
}

func TestBadInputPortsInUse(t *testing.T) {
	taken, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	_, port, _ := strings.Cut(taken.Addr().String(), ":")
	t.Setenv("WALLETNODE_NETWORK_LISTEN", "/ip4/127.0.0.1/tcp/"+port)
	dir := t.TempDir()
	got := call(t, "", "--data-dir", dir, "check", "ports")
	require.Equal(t, codeFailed, got.code)
	require.Contains(t, got.stdout, "address already in use")
	require.Contains(t, got.stdout, "stop the program that has the address")
	require.NoFileExists(t, filepath.Join(dir, "walletnode.db"))
}
