package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"database/sql"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
)

func tryOpen(t *testing.T, dsn string) error {
	t.Helper()
	s, err := Open(t.Context(), Config{DSN: dsn}, testChain, genesis, quiet)
	if err == nil {
		require.NoError(t, s.Close())
	}
	return err
}

// made creates a store with one row in it and returns its directory.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := openAt(t, dir, Retention{})
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	require.NoError(t, s.Close())
	return dir
}

// contents digests every file of a directory that holds something: not the lock, and not the index and the empty log that
// SQLite leaves beside a database that was only read.
func contents(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files := make(map[string][32]byte)
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || entry.IsDir() || ext == ".lock" || ext == ".db-shm" {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // the test's own file
		if len(data) > 0 {
			files[path] = sha256.Sum256(data)
		}
		return err
	}))
	return files
}

// refused shows that the store cannot be opened for one reason, in one sentence, and that nothing was changed by trying.
func refused(t *testing.T, dir string, sentinel error) {
	t.Helper()
	before := contents(t, dir)
	err := tryOpen(t, dir)
	require.ErrorIs(t, err, sentinel)
	require.NotContains(t, err.Error(), "\n")
	require.Equal(t, before, contents(t, dir), "nothing is overwritten")
}

// alter changes a closed store behind the node's back.
func alter(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), statement)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestOpenTakesAFileOrADirectory(t *testing.T) {
	dir := t.TempDir()
	for _, dsn := range []string{filepath.Join(dir, "a b", "what? #1%20"), "sqlite:" + filepath.Join(dir, "a b", "what? #1%20", fileName)} {
		require.NoError(t, tryOpen(t, dsn), "both name the same store")
	}
	require.FileExists(t, filepath.Join(dir, "a b", "what? #1%20", fileName))
	t.Chdir(dir)
	require.NoError(t, tryOpen(t, "sqlite:relative.db"))
	require.FileExists(t, filepath.Join(dir, "relative.db"))

	for _, dsn := range []string{"", "sqlite:", "mysql://user:secret@host/db", "postgres://user:secret@host:port/db", "postgres://user:secret%@host/db", "postgres://h/db?password=secret&sslmode=no"} {
		err := tryOpen(t, dsn)
		require.ErrorContains(t, err, "store location")
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestOpenRefusesWhatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
	require.ErrorIs(t, tryOpen(t, filepath.Join(file, "below")), ErrNotWritable)
	require.ErrorIs(t, tryOpen(t, "sqlite:"+t.TempDir()), ErrNotWritable, "a directory in the place of the file")
	_, err := OpenReader(t.Context(), filepath.Join(file, "below"))
	require.Error(t, err)

	if os.Geteuid() == 0 {
		return // root may write anywhere; the cases above hold for root too
	}
	sealed := t.TempDir()
	require.NoError(t, os.Chmod(sealed, 0o500)) //nolint:gosec // a directory needs its execute bit
	require.ErrorIs(t, tryOpen(t, sealed), ErrNotWritable)
}

func TestOpenRefusesAStoreInUse(t *testing.T) {
	dir := made(t)
	s := openAt(t, dir, Retention{})
	require.ErrorIs(t, tryOpen(t, dir), ErrLocked)
	require.NoError(t, s.Close())
	require.NoError(t, tryOpen(t, dir), "released")
}

func TestOpenRefusesAStoreOfARunningProcess(t *testing.T) {
	dir := made(t)
	helper := startHelper(t, "hold", dir)
	require.True(t, helper.out.Scan(), "the process says that it is ready")
	err := tryOpen(t, dir)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, helper.pid(), "it says which process")

	r, err := OpenReader(t.Context(), dir)
	require.NoError(t, err, "readers are welcome")
	last, err := r.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, opened(1), last)
	require.NoError(t, r.Close())

	helper.kill()
	require.NoError(t, tryOpen(t, dir), "the kernel released the lock")
}

func TestOpenRefusesADatabaseLockedByATool(t *testing.T) {
	t.Parallel()
	dir := made(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName)+"?_pragma=locking_mode(EXCLUSIVE)")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(t.Context(), `CREATE TABLE taken (n BIGINT)`)
	require.NoError(t, err)
	require.ErrorIs(t, tryOpen(t, dir), ErrLocked)
}

func TestOpenRefusesACorruptFile(t *testing.T) {
	for name, damage := range map[string]func(data []byte) []byte{
		"not a database": func([]byte) []byte { return []byte("these bytes are no database, however long one looks at them") },
		"torn page": func(data []byte) []byte {
			for i := 4096; i < 8192; i++ {
				data[i] = 0xaa
			}
			return data
		},
		"cut short": func(data []byte) []byte { return data[:len(data)-3*4096] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := made(t)
			path := filepath.Join(dir, fileName)
			data, err := os.ReadFile(path) //nolint:gosec // the test's own file
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, damage(data), 0o600))
			refused(t, dir, ErrCorrupt)
		})
	}
}

func TestOpenRefusesForeignNewerAndOtherChains(t *testing.T) {
	t.Run("foreign", func(t *testing.T) {
		dir := t.TempDir()
		alter(t, dir, `CREATE TABLE cookies (host TEXT)`)
		refused(t, dir, ErrForeign)
		_, err := OpenReader(t.Context(), dir)
		require.ErrorIs(t, err, ErrForeign)
	})
	t.Run("newer", func(t *testing.T) {
		dir := made(t)
		alter(t, dir, `INSERT INTO `+versionTable+` (version_id, is_applied) VALUES (99, TRUE)`)
		alter(t, dir, `UPDATE meta SET value = '99' WHERE name = '`+besideKey+`'`)
		refused(t, dir, ErrNewerSchema)
		_, err := OpenReader(t.Context(), dir)
		require.ErrorIs(t, err, ErrNewerSchema)
	})
	t.Run("older", func(t *testing.T) {
		dir := t.TempDir()
		alter(t, dir, `CREATE TABLE `+versionTable+` (version_id BIGINT, is_applied BOOLEAN)`)
		_, err := OpenReader(t.Context(), dir)
		require.ErrorIs(t, err, errOlderSchema)
	})
	t.Run("another chain", func(t *testing.T) {
		dir := made(t)
		alter(t, dir, `UPDATE meta SET value = '1' WHERE name = 'chain_id'`)
		refused(t, dir, ErrWrongChain)
		require.ErrorContains(t, tryOpen(t, dir), "it is of chain 1 with genesis 0xee")
		require.ErrorContains(t, tryOpen(t, dir), "follows chain 31337")
	})
	t.Run("another genesis", func(t *testing.T) {
		_, err := Open(t.Context(), Config{DSN: made(t)}, testChain, chain.Hash{1}, quiet)
		require.ErrorIs(t, err, ErrWrongChain)
	})
}

func TestReaderNeverCreatesOrChanges(t *testing.T) {
	empty := t.TempDir()
	_, err := OpenReader(t.Context(), empty)
	require.ErrorIs(t, err, ErrNotFound)
	require.Empty(t, contents(t, empty))

	dir := made(t)
	before := contents(t, dir)
	r, err := OpenReader(t.Context(), dir)
	require.NoError(t, err)
	_, err = r.Faults(t.Context(), faults.Filter{})
	require.NoError(t, err)
	_, err = r.db.ExecContext(t.Context(), `DELETE FROM windows`)
	require.ErrorIs(t, classify(err), ErrNotWritable)
	require.NoError(t, r.Close())
	require.Equal(t, before, contents(t, dir))
}

func TestImportWorksBesideARunningNodeAndBeforeTheFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	for i, running := range []bool{false, false, true} {
		if running {
			node := openAt(t, dir, Retention{})
			defer func() {
				wallets, err := node.Wallets(t.Context())
				require.NoError(t, err)
				require.Len(t, wallets, 3, "the node sees what was imported a moment ago")
			}()
		}
		importer, err := OpenImporter(t.Context(), dir, quiet)
		require.NoError(t, err)
		require.NoError(t, importer.ImportWallet(t.Context(), testWallet(t, byte(i), mallory), noon))
		wallets, err := importer.store.AllWallets(t.Context())
		require.NoError(t, err)
		require.Len(t, wallets, i+1)
		require.NoError(t, importer.Close())
	}
}

// helper is another process that runs this test binary.
type helper struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Scanner
}

// startHelper starts a role of helperMain.
func startHelper(t *testing.T, role, dir string) *helper {
	t.Helper()
	h := &helper{t: t, cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])} //nolint:gosec // this very binary
	h.cmd.Env = append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_DIR="+dir)
	h.cmd.Stderr = os.Stderr
	out, err := h.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, h.cmd.Start())
	t.Cleanup(h.kill)
	h.out = bufio.NewScanner(out)
	return h
}
