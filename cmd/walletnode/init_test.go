package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/config"
	"github.com/walletnode/walletnode/internal/keys"
)

func TestInitPreparesADirectoryThatOnlyLacksTheChain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "my node")
	password := writeFile(t, "password", "secret\n")
	out := succeed(t, "", "init", "--dir", dir, "--light", "--password-file", password)
	require.Contains(t, out, "  2. walletnode --data-dir '"+dir+"' check all\n")

	op, err := keys.LoadOperator(filepath.Join(dir, operatorFile), "secret")
	require.NoError(t, err)
	require.Contains(t, out, op.Address.String())
	for _, name := range []string{config.FileName, operatorFile, "instance.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}

	got := call(t, "", "--data-dir", dir, "config", "validate")
	require.Equal(t, codeUsage, got.code)
	require.Equal(t, "walletnode: ethereum.url: required, and not set\nwalletnode: ethereum.bridge: required, and not set\n"+
		"walletnode: ethereum.validator: required, and not set\n", got.stderr)
	t.Setenv(config.Variable("ethereum.url"), "ws://127.0.0.1:8546")
	t.Setenv(config.Variable("ethereum.bridge"), "0x1111111111111111111111111111111111111111")
	t.Setenv(config.Variable("ethereum.validator"), "0x2222222222222222222222222222222222222222")
	succeed(t, "", "--data-dir", dir, "config", "validate")
	require.Contains(t, succeed(t, "", "--data-dir", dir, "keys", "list"), op.Address.String())
}

func TestInitNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(config.PasswordVariable, "secret")
	var first, second, third prepared
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", dir, "init", "--light", "--json")), &first))
	require.True(t, first.NewKey)
	before, err := os.ReadFile(first.OperatorKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(first.Config, []byte("# mine\n"), 0o600))

	got := call(t, "", "--data-dir", dir, "init", "--light")
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "there already; nothing was changed")
	got = call(t, "", "--data-dir", dir, "init", "--force", "--operator-key", first.OperatorKey)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "a key is never replaced")

	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", dir, "init", "--force", "--json")), &second))
	require.False(t, second.NewKey)
	require.Equal(t, first.Operator, second.Operator)
	require.Equal(t, first.PeerID, second.PeerID)
	require.Equal(t, first.Config+".1", *second.OldConfig)
	kept, err := os.ReadFile(*second.OldConfig)
	require.NoError(t, err)
	require.Equal(t, "# mine\n", string(kept))
	after, err := os.ReadFile(first.OperatorKey)
	require.NoError(t, err)
	require.Equal(t, before, after)

	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", dir, "init", "--force", "--json")), &third))
	require.Equal(t, first.Config+".2", *third.OldConfig)
}

func TestInitTakesOverAKey(t *testing.T) {
	from := filepath.Join(t.TempDir(), "old.json")
	op, err := keys.CreateOperator(from, "secret", keys.Light)
	require.NoError(t, err)
	dir := t.TempDir()
	t.Setenv(config.PasswordVariable, "wrong")
	got := call(t, "", "init", "--dir", dir, "--operator-key", from)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, keys.ErrWrongPassword.Error())
	require.NoFileExists(t, filepath.Join(dir, config.FileName), "a directory with a configuration is complete")

	t.Setenv(config.PasswordVariable, "secret")
	require.Contains(t, succeed(t, "", "init", "--dir", dir, "--operator-key", from), op.Address.String())
	require.NoFileExists(t, filepath.Join(dir, config.FileName+".1"))
}

func TestInitWithoutAPasswordSaysWhereItCouldBe(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	got := call(t, "", "init", "--dir", dir)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "WALLETNODE_OPERATOR_PASSWORD")
	require.NoFileExists(t, filepath.Join(dir, operatorFile))
}

func TestShellWord(t *testing.T) {
	for s, want := range map[string]string{"/a/b-c_1.d": "/a/b-c_1.d", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "~": "'~'"} {
		require.Equal(t, want, shellWord(s))
	}
}
