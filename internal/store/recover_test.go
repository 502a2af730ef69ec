package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// halfMade makes a database file as a process leaves it that is killed in the middle of its first transaction: some of what was
// never committed is in the file already, and the journal beside it says how to take it back.
func halfMade(t *testing.T) (dir string) {
	t.Helper()
	alive := filepath.Join(t.TempDir(), fileName)
	db, err := sql.Open("sqlite", alive+"?_pragma=cache_size(1)") // so that little is kept in memory
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	for _, statement := range []string{
		`CREATE TABLE half (filler BLOB NOT NULL)`,
		`INSERT INTO half (filler) SELECT randomblob(4000) FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9))`,
	} {
		_, err := tx.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	dir = t.TempDir()
	for _, ending := range []string{"", "-journal"} {
		data, err := os.ReadFile(alive + ending)
		require.NoError(t, err)
		require.NotEmpty(t, data)
		require.NoError(t, os.WriteFile(filepath.Join(dir, fileName+ending), data, 0o600))
	}
	require.NoError(t, tx.Rollback())
	return dir
}

func TestWhatAKilledProcessLeftHalfMadeIsTakenBack(t *testing.T) {
	dir := halfMade(t)
	require.Error(t, readerError(t, dir), "who may only read cannot take it back")
	s := openAt(t, dir, Retention{})
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	require.NoFileExists(t, filepath.Join(dir, fileName+"-journal"))
	var left int
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM sqlite_master WHERE name = 'half'`).Scan(&left))
	require.Zero(t, left)
}
