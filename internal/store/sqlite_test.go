package store

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

const testChain = 31337

var (
	genesis = chain.Hash{0xee}
	quiet   = slog.New(slog.DiscardHandler)
)

func openAt(t testing.TB, dsn string, retention Retention) *Store {
	t.Helper()
	s, err := Open(t.Context(), Config{DSN: dsn, Retention: retention}, testChain, genesis, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func embedded(t *testing.T, retention Retention) func() *Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "node")
	var last *Store
	return func() *Store {
		if last != nil {
			require.NoError(t, last.Close())
		}
		last = openAt(t, dir, retention)
		return last
	}
}

func TestSQLite(t *testing.T) { testConformance(t, embedded) }

// holdTurn keeps the writer from committing until release is called.
func holdTurn(s *Store) (release func()) {
	s.writes.turn <- struct{}{}
	return func() { <-s.writes.turn }
}

// awaitQueue waits until n changes wait for the writer; each of them is one goroutine's next step away.
func awaitQueue(s *Store, n int) {
	for {
		s.writes.mu.Lock()
		waiting := len(s.writes.queue)
		s.writes.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestAWriteGivenUpIsNotStored(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	release := holdTurn(s)
	ctx, giveUp := context.WithCancel(t.Context())
	outcome := make(chan error, 1)
	go func() { outcome <- s.OpenWindow(ctx, opened(1)) }()
	awaitQueue(s, 1)
	giveUp()
	require.ErrorIs(t, <-outcome, context.Canceled)
	release()
	require.ErrorIs(t, s.OpenWindow(ctx, opened(1)), context.Canceled)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)), "it was not stored")
}

func TestAClosedStoreSaysSo(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing again is fine")
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(1)), ErrClosed)
}

func TestLatestVersionIsTheLastMigration(t *testing.T) {
	files, err := migrations.ReadDir("migrations")
	require.NoError(t, err)
	require.Len(t, files, int(latestVersion))
	s := openAt(t, t.TempDir(), Retention{})
	version, err := s.at.version(t.Context(), s.db)
	require.NoError(t, err)
	require.Equal(t, latestVersion, version)
}

func TestEveryCommitReachesTheDisk(t *testing.T) {
	s := openAt(t, t.TempDir(), Retention{})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var have string
		require.NoError(t, s.writes.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&have))
		require.Equal(t, want, have, pragma)
	}
}

func TestPlaceholdersGoByNumber(t *testing.T) {
	var a, b, c int
	s := openAt(t, t.TempDir(), Retention{})
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT $2, $1, $2`, 1, 2).Scan(&a, &b, &c))
	require.Equal(t, []int{2, 1, 2}, []int{a, b, c})
}

// Rule R7, and what the reference client lacks: faults that are only logged are lost with the process.
func TestR7TheActionsRowIsInsertedWithItsResult(t *testing.T) {
	testActionWithResult(t, embedded(t, Retention{}))
}

func TestSection8FaultsAreStoredOnceAndQueried(t *testing.T) {
	t.Run("once", func(t *testing.T) { testFaultMerge(t, embedded(t, Retention{})) })
	t.Run("by each filter", func(t *testing.T) { testFaultFilters(t, embedded(t, Retention{})) })
}

func TestAStoreOfTheFirstVersionKeepsWhatItHolds(t *testing.T) {
	dir := t.TempDir()
	first, err := migrations.ReadFile("migrations/00001_initial.sql")
	require.NoError(t, err)
	_, up, _ := strings.Cut(string(first), "-- +goose Up")
	alter(t, dir, up)
	alter(t, dir, `CREATE TABLE `+versionTable+` (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now')))`)
	alter(t, dir, `INSERT INTO `+versionTable+` (version_id, is_applied) VALUES (0, 1), (1, 1)`)
	alter(t, dir, fmt.Sprintf(`INSERT INTO own_proposals (block, wallet, payload, envelope, sent_at) VALUES (900, x'%x', x'01', x'02', 901)`, walletA[:]))
	_, err = OpenReader(t.Context(), dir)
	require.ErrorIs(t, err, errOlderSchema)

	s := openAt(t, dir, Retention{})
	own, there, err := s.Own(t.Context(), walletA, 900)
	require.NoError(t, err)
	require.True(t, there)
	require.Equal(t, coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 901}, own)
}
