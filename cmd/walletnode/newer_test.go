package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStoreOfANewerVersionIsLeftAloneAndTheMessageSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	succeed(t, manifest, "wallets", "import", "-", "--data-dir", dir)
	db, err := sql.Open("sqlite", filepath.Join(dir, "walletnode.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO walletnode_schema (version_id, is_applied) VALUES (99, TRUE); UPDATE meta SET value = '99' WHERE name = 'works_beside'`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	for _, args := range [][]string{{"windows", "list"}, {"faults", "summary"}, {"wallets", "show", walletID}} {
		got := call(t, "", append(args, "--offline", "--data-dir", dir)...)
		require.Equal(t, codeFailure, got.code, "%v", args)
		require.Empty(t, got.stdout)
		require.Contains(t, got.stderr, "written by a newer version")
		require.Contains(t, got.stderr, "run the newer version of walletnode")
	}
}
