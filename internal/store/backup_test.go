package store

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/faults"
)

// filled is a store of a running node with n windows in it.
func filled(t *testing.T, dir string, retention Retention, n uint64) *Store {
	t.Helper()
	s := openAt(t, dir, retention)
	culprit := statement(1, 1).Author
	for n := range n {
		n++
		require.NoError(t, s.OpenWindow(t.Context(), opened(n)))
		for _, author := range []byte{1, 2} {
			st := statement(author, 1)
			st.Window = window(n).Block
			require.NoError(t, s.SaveStatement(t.Context(), st))
		}
		r := agreed(walletA, n)
		r.Faults = []faults.Fault{fault(walletA, n, faults.LeaderMistake, culprit)}
		record(t, s, r)
		require.NoError(t, s.FinishAction(t.Context(), walletA, r.Window.Block, "no_signer", "", r.Window.End))
	}
	return s
}

func TestABackupIsAStoreAsItWasWhileTheNodeRunsOn(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, Retention{}, 5)
	to := filepath.Join(t.TempDir(), "copy.db")
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := uint64(6); n <= 30; n++ {
			if err := s.OpenWindow(context.WithoutCancel(t.Context()), opened(n)); err != nil {
				t.Error(err)
			}
		}
	})
	var done, total int64
	require.NoError(t, Backup(t.Context(), dir, to, quiet, func(d, of int64) { done, total = d, of }))
	writing.Wait()
	require.Positive(t, total)
	require.Equal(t, total, done, "the last word is that all is done")

	info, err := os.Stat(to)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	r, err := OpenReader(t.Context(), "sqlite:"+to)
	require.NoError(t, err)
	copied, err := r.Figures(t.Context())
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.GreaterOrEqual(t, copied.Windows, int64(5))
	require.EqualValues(t, 5, copied.Results)
	require.EqualValues(t, 5, copied.Attributed)
	require.Nil(t, copied.LastBackup, "a copy does not know of itself")
	require.NoError(t, tryOpen(t, "sqlite:"+to), "a node starts on it")

	f, err := s.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, to, f.LastBackup.File)
	require.WithinDuration(t, time.Now(), f.LastBackup.At, time.Minute)
}

func TestABackupReplacesNothingAndLeavesNothing(t *testing.T) {
	dir, out := made(t), t.TempDir()
	taken := filepath.Join(out, "taken")
	require.NoError(t, os.WriteFile(taken, []byte("mine"), 0o600))
	require.ErrorIs(t, Backup(t.Context(), dir, taken, quiet, nil), fs.ErrExist)
	require.ErrorIs(t, Backup(t.Context(), t.TempDir(), filepath.Join(out, "x"), quiet, nil), ErrNotFound)
	require.ErrorIs(t, Backup(t.Context(), dir, filepath.Join(out, "none", "x"), quiet, nil), fs.ErrNotExist)
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	require.ErrorIs(t, Backup(given, dir, filepath.Join(out, "x"), quiet, nil), context.Canceled)
	entries, err := os.ReadDir(out)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	kept, err := os.ReadFile(taken)
	require.NoError(t, err)
	require.Equal(t, "mine", string(kept))
}

// Before going back to an older version, and before going on to a newer one, is when a backup is wanted most.
func TestABackupOfAnotherVersionsStoreIsMade(t *testing.T) {
	dir := made(t)
	alter(t, dir, `INSERT INTO walletnode_schema (version_id, is_applied) VALUES (99, TRUE)`)
	alter(t, dir, `UPDATE meta SET value = '99' WHERE name = 'works_beside'`)
	to := filepath.Join(t.TempDir(), "copy.db")
	require.NoError(t, Backup(t.Context(), dir, to, quiet, nil))
	_, err := OpenReader(t.Context(), "sqlite:"+to)
	require.ErrorIs(t, err, ErrNewerSchema)
	require.ErrorIs(t, Check(t.Context(), "sqlite:"+to), ErrNewerSchema)
}

func TestABackupThatCannotBeNotedStands(t *testing.T) {
	dir := made(t)
	alter(t, dir, `ALTER TABLE meta RENAME TO other`)
	to := filepath.Join(t.TempDir(), "copy.db")
	var logged bytes.Buffer
	require.NoError(t, Backup(t.Context(), dir, to, slog.New(slog.NewTextHandler(&logged, nil)), nil))
	require.FileExists(t, to)
	require.Contains(t, logged.String(), "The backup is good")
}

// A disk that is really full, where the machine lets a test make one.
func TestBadInputFullDisk(t *testing.T) {
	small := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=1m", "none", small).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be made here: %s", out)
	}
	t.Cleanup(func() {
		require.NoError(t, exec.CommandContext(context.Background(), "umount", small).Run())
	})
	large := t.TempDir()
	s := filled(t, large, Retention{}, 1500)
	err := Backup(t.Context(), large, filepath.Join(small, "copy.db"), quiet, nil)
	require.ErrorIs(t, err, ErrFull)
	require.NotContains(t, err.Error(), "\n")
	entries, err := os.ReadDir(small)
	require.NoError(t, err)
	require.Empty(t, entries, "half a copy is removed")
	require.NoError(t, s.Close())

	full := openAt(t, filepath.Join(small, "node"), Retention{})
	acknowledged := int64(0)
	for n := uint64(1); ; n++ {
		err := full.OpenWindow(t.Context(), opened(n))
		if err != nil {
			require.ErrorIs(t, err, ErrFull)
			break
		}
		acknowledged++
	}
	f, err := full.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, acknowledged, f.Windows, "what was acknowledged is there, and nothing else")
}

func TestFiguresOfAStoreBeforeItsFirstNode(t *testing.T) {
	dir := t.TempDir()
	importer, err := OpenImporter(t.Context(), dir, quiet)
	require.NoError(t, err)
	wallet := testWallet(t, 1, mallory)
	require.NoError(t, importer.ImportWallet(t.Context(), wallet, noon))
	require.NoError(t, importer.ArchiveWallet(t.Context(), wallet.ID(), true))
	require.NoError(t, importer.Close())
	r, err := OpenReader(t.Context(), dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	f, err := r.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, fileName), f.Path)
	require.Equal(t, latestVersion, f.Schema)
	require.Empty(t, f.ChainID)
	require.EqualValues(t, 1, f.ArchivedWallets)
	require.Zero(t, f.Wallets+f.Windows+f.Missed)
	require.Positive(t, f.Bytes)
}

func TestArchivedWalletsTakeNoPartUntilTheyAreBack(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	wallet := testWallet(t, 1, mallory)
	require.ErrorIs(t, s.ArchiveWallet(t.Context(), wallet.ID(), true), ErrNotFound)
	require.NoError(t, s.ImportWallet(t.Context(), wallet, noon))
	for range 2 { // again changes nothing
		require.NoError(t, s.ArchiveWallet(t.Context(), wallet.ID(), true))
	}
	active, err := s.Wallets(t.Context())
	require.NoError(t, err)
	require.Empty(t, active)
	require.NoError(t, s.ArchiveWallet(t.Context(), wallet.ID(), false))
	active, err = s.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, active, 1)
}

func TestWhatADryRunCountsIsWhatPruningDeletes(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, Retention{}, 12)
	_, err := s.writes.db.ExecContext(t.Context(), `INSERT INTO missed (first_block, last_block, reason, noted_at) VALUES (900, 900, 'node_down', 901)`)
	require.NoError(t, err)
	_, err = OpenIdle(t.Context(), Config{DSN: dir}, quiet)
	require.ErrorIs(t, err, ErrLocked)
	process, running, err := Running(dir)
	require.NoError(t, err)
	require.True(t, running)
	require.NotEmpty(t, process)
	require.NoError(t, Check(t.Context(), dir), "also while a node runs")
	require.NoError(t, s.Close())
	_, running, err = Running(dir)
	require.NoError(t, err)
	require.False(t, running)

	retention := Retention{Windows: 3, Evidence: 6, Messages: 3}
	idle, err := OpenIdle(t.Context(), Config{DSN: dir, Retention: retention}, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, idle.Close()) }()
	now, err := idle.Newest(t.Context())
	require.NoError(t, err)
	counted, err := idle.Excess(t.Context(), retention, now)
	require.NoError(t, err)
	require.Contains(t, counted, Excess{"results", 9})
	require.Contains(t, counted, Excess{"statements", 9 + 6})
	require.Contains(t, counted, Excess{"missed", 1})

	deleted := map[string]int64{}
	require.NoError(t, idle.PruneTelling(t.Context(), now, func(table string, rows int64) { deleted[table] += rows }))
	want := map[string]int64{}
	for _, e := range counted {
		want[e.Table] = e.Rows
	}
	require.Equal(t, want, deleted)
	counted, err = idle.Excess(t.Context(), retention, now)
	require.NoError(t, err)
	require.Empty(t, counted)
	_, err = idle.Excess(t.Context(), Retention{Windows: -1}, now)
	require.Error(t, err)
}

func TestShrinkGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir, Retention{Windows: 1, Evidence: 1}, 100)
	require.NoError(t, s.Prune(t.Context(), window(100).Block))
	before, err := s.Figures(t.Context())
	require.NoError(t, err)
	require.Positive(t, before.Free)
	require.NoError(t, s.Shrink(t.Context()))
	after, err := s.Figures(t.Context())
	require.NoError(t, err)
	require.Less(t, after.Bytes, before.Bytes)
	require.Zero(t, after.Free+after.Log)
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Shrink(t.Context()), ErrClosed)
}

func TestIdleAndCheckedStoresExist(t *testing.T) {
	_, err := OpenIdle(t.Context(), Config{DSN: t.TempDir()}, quiet)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, Check(t.Context(), t.TempDir()), ErrNotFound)
	_, running, err := Running(t.TempDir())
	require.NoError(t, err)
	require.False(t, running)
}
