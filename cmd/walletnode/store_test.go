package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/jedib0t/go-pretty/v6/progress"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/view"
)

func TestStoreStatusWhileTheNodeRuns(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	var s view.StoreState
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", node.dir, "store", "status", "--json")), &s))
	require.True(t, s.Running)
	require.Equal(t, "1", *s.ChainID)
	require.EqualValues(t, 3600, *s.Oldest)
	require.EqualValues(t, 4500, *s.Newest)
	require.Equal(t, view.StoreCounts{Windows: 2, Missed: 1, Results: 2, Open: 1, Statements: 1, Faults: 1, Attributed: 1, Actions: 1, Pending: 1, Wallets: 1}, s.Counts)
	require.Nil(t, s.LastBackup)

	text := succeed(t, "", "--data-dir", node.dir, "store", "status")
	require.Contains(t, text, "node        running, process ")
	require.Contains(t, text, "windows     2 opened, from 3600 to 4500; 1 ranges missed\n")
	require.Contains(t, text, "last backup none was noted\n")
	got := call(t, "", "--data-dir", t.TempDir(), "store", "status")
	require.Equal(t, codeNotFound, got.code)
}

func TestStoreBackupWhileTheNodeRuns(t *testing.T) {
	node := newRunning(t)
	fault := node.history(t)
	file := filepath.Join(t.TempDir(), "copy.db")
	require.Contains(t, succeed(t, "", "--data-dir", node.dir, "store", "backup", file), "KiB, checked\n")
	t.Setenv("WALLETNODE_STORE_DSN", "sqlite:"+file)
	require.Contains(t, succeed(t, "", "faults", "list", "--offline"), fault.ID())
	require.NoError(t, os.Unsetenv("WALLETNODE_STORE_DSN"))

	require.Contains(t, succeed(t, "", "--data-dir", node.dir, "store", "status"), file)
	got := call(t, "", "--data-dir", node.dir, "store", "backup", file)
	require.Equal(t, codeUsage, got.code)
	require.Contains(t, got.stderr, "replaces nothing")
	got = call(t, "", "--data-dir", t.TempDir(), "store", "backup", file+"2")
	require.Equal(t, codeNotFound, got.code)
}

func TestStorePruneNeedsTheNodeToStandStillUnlessItOnlyCounts(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	w, _ := coordination.RFC12().Window(3600)
	require.NoError(t, node.store.FinishAction(t.Context(), mustWallet(t), w.Block, "no_signer", "", w.End))
	t.Setenv("WALLETNODE_STORE_RETENTION_WINDOWS", "1")
	t.Setenv("WALLETNODE_STORE_RETENTION_EVIDENCE", "1")

	var counted, deleted pruned
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", node.dir, "store", "prune", "--dry-run", "--json")), &counted))
	require.True(t, counted.DryRun)
	require.Contains(t, counted.Tables, prunedRows{"results", 1})
	require.Contains(t, counted.Tables, prunedRows{"faults", 1})

	got := call(t, "", "--data-dir", node.dir, "store", "prune")
	require.Equal(t, codeInUse, got.code)
	require.Contains(t, got.stderr, "what to do: stop the process that has it")

	require.NoError(t, node.store.Close())
	require.NoError(t, json.Unmarshal([]byte(succeed(t, "", "--data-dir", node.dir, "store", "prune", "--shrink", "--json")), &deleted))
	require.Equal(t, counted.Tables, deleted.Tables)
	require.True(t, deleted.Shrunk)
	require.Equal(t, "nothing is older than what is kept\n", succeed(t, "", "--data-dir", node.dir, "store", "prune"))
}

func mustWallet(t testing.TB) chain.WalletID {
	t.Helper()
	id, err := chain.ParseWalletID(walletID)
	require.NoError(t, err)
	return id
}

func TestWalletsArchiveWhileTheNodeRuns(t *testing.T) {
	node := newRunning(t)
	node.importWallet(t)
	require.Contains(t, succeed(t, "", "--data-dir", node.dir, "wallets", "archive", walletID), "is archived")
	wallets, err := node.store.Wallets(t.Context())
	require.NoError(t, err)
	require.Empty(t, wallets)
	require.Contains(t, succeed(t, "", "--data-dir", node.dir, "wallets", "archive", walletID, "--undo"), "is active again")
	wallets, err = node.store.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, wallets, 1)

	other := "0x" + "00112233445566778899aabbccddeeff00112233"
	require.Equal(t, codeNotFound, call(t, "", "--data-dir", node.dir, "wallets", "archive", other).code)
	require.Equal(t, codeUsage, call(t, "", "--data-dir", node.dir, "wallets", "archive", "12").code)
	empty := t.TempDir()
	require.Equal(t, codeNotFound, call(t, "", "--data-dir", empty, "wallets", "archive", walletID).code)
	require.NoFileExists(t, filepath.Join(empty, "walletnode.db"), "no store is made")
}

func TestBadInputAStoreOfANewerVersionSaysWhatToDo(t *testing.T) {
	node := newRunning(t)
	require.NoError(t, node.store.Close())
	db, err := sql.Open("sqlite", filepath.Join(node.dir, "walletnode.db"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO walletnode_schema (version_id, is_applied) VALUES (99, TRUE); UPDATE meta SET value = '99' WHERE name = 'works_beside'`)
	require.NoError(t, errors.Join(err, db.Close()))
	before, err := os.ReadFile(filepath.Join(node.dir, "walletnode.db"))
	require.NoError(t, err)
	for _, args := range [][]string{{"store", "status"}, {"store", "prune"}, {"windows", "list"}} {
		got := call(t, "", append([]string{"--data-dir", node.dir}, args...)...)
		require.Equal(t, codeFailure, got.code, args)
		require.Contains(t, got.stderr, "its schema is version 99, this node knows up to")
		require.Contains(t, got.stderr, "what to do: run the newer version")
	}
	after, err := os.ReadFile(filepath.Join(node.dir, "walletnode.db"))
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestTheBarIsDrawnAndEnds(t *testing.T) {
	var out bytes.Buffer
	b := &bar{drawn: make(chan struct{})}
	b.draw(&out, "backup", &progress.UnitsBytes)
	b.at(512, 1024)
	b.at(1024, 1024)
	b.end(nil)
	require.Contains(t, out.String(), "backup")
	require.Contains(t, out.String(), "1.02KB")

	nobody := &bar{}
	nobody.at(1, 2)
	nobody.end(errors.New("x")) // neither waits nor writes
}

func TestSizesForPeople(t *testing.T) {
	for n, want := range map[int64]string{0: "0 KiB", 1: "1 KiB", 1 << 10: "1 KiB", 1536 << 10: "1.5 MiB", 5 << 30: "5.0 GiB"} {
		require.Equal(t, want, bytesText(n))
	}
}
