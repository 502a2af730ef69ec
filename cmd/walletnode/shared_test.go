package main

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/store/pgtest"
	"github.com/walletnode/walletnode/internal/view"
)

// The commands that read and keep the store do so in a database server too, while a node runs on it.
func TestAStoreInADatabaseServer(t *testing.T) {
	dsn := pgtest.Database(t)
	t.Setenv("WALLETNODE_STORE_DSN", dsn)
	s, err := store.Open(t.Context(), store.Config{DSN: dsn}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	node := running{t.TempDir(), s}
	fault := node.history(t)

	require.Contains(t, succeed(t, "", "faults", "list", "--offline", "--data-dir", node.dir), fault.ID())
	require.Contains(t, succeed(t, "", "windows", "show", "3600", "--offline", "--data-dir", node.dir), "redemption")
	var state view.StoreState
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "store", "status", "--json", "--data-dir", node.dir)), &state))
	require.True(t, state.Running)
	require.EqualValues(t, 2, state.Counts.Windows)
	text := succeed(t, "", "store", "status", "--data-dir", node.dir)
	require.Contains(t, text, "all that is in the database")
	require.NotContains(t, text+state.Path, "secret", "the password stays where it is")

	for _, args := range [][]string{{"store", "backup", filepath.Join(node.dir, "copy")}, {"store", "prune", "--shrink"}} {
		got := call(t, "", append(args, "--data-dir", node.dir)...)
		require.Equal(t, codeUsage, got.code, args)
		require.Contains(t, got.stderr, "pg_dump")
	}
	require.NoFileExists(t, filepath.Join(node.dir, "copy"))
	require.Contains(t, succeed(t, "", "store", "prune", "--dry-run", "--data-dir", node.dir), "nothing is older")
	got := call(t, "", "store", "prune", "--data-dir", node.dir)
	require.Equal(t, codeInUse, got.code, got.stderr)
	require.NoError(t, s.Close())
	require.Contains(t, succeed(t, "", "store", "prune", "--data-dir", node.dir), "nothing is older")
	require.Contains(t, succeed(t, "", "store", "status", "--data-dir", node.dir), "not running")

	for want, dsn := range map[string]string{
		"refused by the database":    pgtest.As(t, dsn, "postgres", "hunter2"),
		"database cannot be reached": "postgres://u:hunter2@127.0.0.1:1/db",
	} {
		t.Setenv("WALLETNODE_STORE_DSN", dsn)
		got := call(t, "", "store", "status", "--data-dir", node.dir)
		require.Equal(t, codeFailure, got.code)
		require.Contains(t, got.stderr, want)
		require.NotContains(t, got.stderr, "hunter2")
	}
}
