package store

import (
	"context"
	"database/sql"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// tells shows that opening fails for one reason, in one line, without the password.
func tells(t *testing.T, dsn string, sentinel error) {
	t.Helper()
	for _, err := range []error{tryOpen(t, dsn), readerError(t, dsn)} {
		require.ErrorIs(t, err, sentinel)
		require.NotContains(t, err.Error(), "\n")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func readerError(t *testing.T, dsn string) error {
	t.Helper()
	r, err := OpenReader(t.Context(), dsn)
	if err == nil {
		require.NoError(t, r.Close())
	}
	return err
}

func filledDatabase(t *testing.T) string {
	t.Helper()
	dsn := pgtest.Database(t)
	s, err := node(t, dsn)
	require.NoError(t, err)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	require.NoError(t, s.Close())
	return dsn
}

func TestBadInputWrongPassword(t *testing.T) {
	dsn := pgtest.Database(t)
	tells(t, pgtest.As(t, dsn, "postgres", "hunter2"), ErrRefused)
	tells(t, pgtest.As(t, dsn, "nobody_of_that_name", "hunter2"), ErrRefused)
	other, err := url.Parse(dsn)
	require.NoError(t, err)
	other.Path = "/no_such_database"
	tells(t, other.String(), ErrRefused)
}

func TestBadInputHostThatIsNotThere(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	tells(t, "postgres://u:hunter2@"+closed.Addr().String()+"/db", ErrUnreachable)
	tells(t, "postgres://u:hunter2@/db?host="+url.QueryEscape(t.TempDir()), ErrUnreachable)
}

// A host that takes the connection and never says anything.
func TestBadInputSilentHost(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, silent.Close()) }()
	began := time.Now()
	tells(t, "postgres://u:hunter2@"+silent.Addr().String()+"/db?connect_timeout=1&sslmode=disable", ErrNoAnswer)
	require.Less(t, time.Since(began), 10*time.Second)
	at, err := parseRemote("postgres://u@h/db")
	require.NoError(t, err)
	require.Less(t, at.config.ConnectTimeout+at.patience, 30*time.Second, "without a word in the DSN there is a limit too")
}

func TestBadInputReadOnlyDatabase(t *testing.T) {
	dsn := filledDatabase(t)
	readOnly(t, dsn, true)
	require.ErrorIs(t, tryOpen(t, dsn), ErrNotWritable)
	require.ErrorIs(t, Check(t.Context(), dsn), ErrNotWritable)
	readOnly(t, dsn, false)
	require.NoError(t, Check(t.Context(), dsn))

	s := mustNode(t, dsn)
	readOnly(t, dsn, true)
	s.writes.db.SetMaxIdleConns(0) // a database that became a standby ends its connections
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(2)), ErrNotWritable)
	require.ErrorIs(t, s.Probe(t.Context()), ErrNotWritable)
	require.NoError(t, readerError(t, dsn), "it can be read")
	readOnly(t, dsn, false)
	require.NoError(t, s.OpenWindow(t.Context(), opened(2)), "and is written when it can be again")
	require.NoError(t, s.Close())

	empty := pgtest.Database(t)
	readOnly(t, empty, true)
	require.ErrorIs(t, tryOpen(t, empty), ErrNotWritable)
}

func readOnly(t *testing.T, dsn string, on bool) {
	t.Helper()
	parsed, err := url.Parse(dsn)
	require.NoError(t, err)
	value := map[bool]string{true: "on", false: "off"}[on]
	name := strings.TrimPrefix(parsed.Path, "/")
	parsed.Path = "/postgres" // in a database that is read-only it could not be taken back
	pgtest.Exec(t, parsed.String(), "ALTER DATABASE "+name+" SET default_transaction_read_only = "+value)
}

func TestBadInputUserWithoutRights(t *testing.T) {
	dsn := filledDatabase(t)
	pgtest.Exec(t, dsn, `CREATE ROLE visitor LOGIN PASSWORD 'hunter2'`)
	t.Cleanup(func() { pgtest.Exec(t, dsn, `DROP ROLE visitor`) })
	tells(t, pgtest.As(t, dsn, "visitor", "hunter2"), ErrRefused)
}

func TestBadInputSharedSchemaNewerForeignAndOfOtherChains(t *testing.T) {
	newer := filledDatabase(t)
	pgtest.Exec(t, newer, `INSERT INTO `+versionTable+` (version_id, is_applied) VALUES (99, TRUE)`)
	pgtest.Exec(t, newer, `UPDATE meta SET value = '99' WHERE name = '`+besideKey+`'`)
	tells(t, newer, ErrNewerSchema)
	require.ErrorIs(t, Check(t.Context(), newer), ErrNewerSchema)
	_, _, err := BoundTo(t.Context(), newer)
	require.ErrorIs(t, err, ErrNewerSchema)
	_, running, err := Running(newer)
	require.NoError(t, err)
	require.False(t, running, "it was not even claimed")

	foreign := pgtest.Database(t)
	pgtest.Exec(t, foreign, `CREATE TABLE cookies (host TEXT)`)
	tells(t, foreign, ErrForeign)

	ours := filledDatabase(t)
	_, err = Open(t.Context(), Config{DSN: ours}, 1, genesis, quiet)
	require.ErrorIs(t, err, ErrWrongChain)
	id, first, err := BoundTo(t.Context(), ours)
	require.NoError(t, err)
	require.EqualValues(t, testChain, id)
	require.Equal(t, genesis, first)
	_, err = Open(t.Context(), Config{DSN: ours}, testChain, chain.Hash{1}, quiet)
	require.ErrorIs(t, err, ErrWrongChain)
	_, running, err = Running(ours)
	require.NoError(t, err)
	require.False(t, running, "who may not run on it gives it back")
}

func TestAnEmptyDatabaseIsNoStoreYet(t *testing.T) {
	dsn := pgtest.Database(t)
	_, err := OpenReader(t.Context(), dsn)
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, Check(t.Context(), dsn), ErrNotFound)
	_, err = OpenIdle(t.Context(), Config{DSN: dsn}, quiet)
	require.ErrorIs(t, err, ErrNotFound)
	_, _, err = BoundTo(t.Context(), dsn)
	require.ErrorIs(t, err, ErrNotFound)
	_, running, err := Running(dsn)
	require.NoError(t, err)
	require.False(t, running)
}

// A statement that the database does not end: another session has the tables.
func TestADatabaseThatHangsIsToldAndForgiven(t *testing.T) {
	dsn := filledDatabase(t)
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	at.patience = 200 * time.Millisecond
	s, err := openLocked(t.Context(), at, binding{}, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()

	db, err := sql.Open("pgx", dsn) // the server ends the store's own transactions if they rest
	require.NoError(t, err)
	held, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = held.ExecContext(t.Context(), `LOCK TABLE windows`)
	require.NoError(t, err)

	err = s.OpenWindow(t.Context(), opened(2))
	require.ErrorIs(t, err, ErrNoAnswer)
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller has a clock of its own")
	_, err = s.LastWindow(t.Context())
	require.ErrorIs(t, err, ErrNoAnswer)
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = s.LastWindow(soon)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, ErrNoAnswer)

	require.NoError(t, held.Rollback())
	require.NoError(t, db.Close())
	require.NoError(t, s.OpenWindow(t.Context(), opened(2)))
}

// A server that is restarted, or fails over, ends every connection.
func TestBrokenConnectionsAreMadeAnew(t *testing.T) {
	dsn := pgtest.Database(t)
	s := mustNode(t, dsn)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	_, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	pgtest.Exec(t, dsn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	// One call may find out; the next one has a connection.
	if err := s.OpenWindow(t.Context(), opened(2)); err != nil {
		require.ErrorIs(t, err, ErrUnreachable)
		require.NoError(t, s.OpenWindow(t.Context(), opened(2)))
	}
	if _, err := s.LastWindow(t.Context()); err != nil {
		require.ErrorIs(t, err, ErrUnreachable)
	}
	last, err := s.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, opened(2), last)
}

// A moment that a reader looks at does not move while it looks.
func TestAReaderSeesOneMoment(t *testing.T) {
	s := served(t, Retention{})()
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	require.NoError(t, s.snapshot(t.Context(), func(tx *sql.Tx) error {
		before, err := readLast(t.Context(), tx)
		require.NoError(t, err)
		require.NoError(t, s.OpenWindow(t.Context(), opened(2)))
		after, err := readLast(t.Context(), tx)
		require.Equal(t, before, after)
		_, denied := tx.ExecContext(t.Context(), `DELETE FROM windows`)
		require.ErrorIs(t, classify(denied), ErrNotWritable)
		return err
	}))
}

func TestFiguresOfASharedStore(t *testing.T) {
	dsn := filledDatabase(t)
	r, err := OpenReader(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	f, err := r.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, latestVersion, f.Schema)
	require.EqualValues(t, 1, f.Windows)
	require.Positive(t, f.Bytes)
	require.NotContains(t, f.Path, "secret")
	require.NotContains(t, f.Path, "host=")
}

func TestWhatAServersOwnToolsDo(t *testing.T) {
	dsn := filledDatabase(t)
	err := Backup(t.Context(), dsn, "/nowhere", quiet, nil)
	require.ErrorIs(t, err, ErrElsewhere)
	require.ErrorContains(t, err, "pg_dump")
	_, err = Directory(dsn)
	require.ErrorIs(t, err, ErrElsewhere)
	idle, err := OpenIdle(t.Context(), Config{DSN: dsn}, quiet)
	require.NoError(t, err)
	require.NoError(t, idle.Prune(t.Context(), 900))
	require.ErrorIs(t, idle.Shrink(t.Context()), ErrElsewhere)
	require.NoError(t, idle.Close())
}

// What a pooler gives to another session must not matter: nothing is prepared and nothing is set.
func TestNothingStaysInTheServersSession(t *testing.T) {
	s := served(t, Retention{})()
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	var prepared, locks int
	require.NoError(t, s.writes.db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM pg_prepared_statements),
		(SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory')`).Scan(&prepared, &locks))
	require.Zero(t, prepared+locks)
}

// Times are integers, or say their zone.
func TestNoTimeIsWithoutAZone(t *testing.T) {
	s := served(t, Retention{})()
	rows, err := s.db.QueryContext(t.Context(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'timestamp without time zone'`)
	columns, err := collect(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	require.NoError(t, err)
	require.Empty(t, columns)
}

func TestASharedStoreSaysWhetherItKeepsWhatItAcknowledges(t *testing.T) {
	dsn := filledDatabase(t)
	r, err := OpenReader(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	require.ErrorIs(t, r.Durability(t.Context()), ErrNotDurable, "the tests' server waits for no disk")
	require.ErrorContains(t, r.Durability(t.Context()), "fsync is off")

	words := func(fsync, commit string) querier {
		return settings{map[string]string{"fsync": fsync, "synchronous_commit": commit}, r.db}
	}
	remote := new(remote)
	require.NoError(t, remote.durable(t.Context(), words("on", "on")))
	require.NoError(t, remote.durable(t.Context(), words("on", "remote_apply")))
	require.NoError(t, remote.durable(t.Context(), words("", "")), "a database that has no such setting")
	require.ErrorContains(t, remote.durable(t.Context(), words("on", "off")), "synchronous_commit is off")
	require.ErrorContains(t, remote.durable(t.Context(), words("off", "off")), "fsync is off")

	embedded := openAt(t, t.TempDir(), Retention{})
	require.NoError(t, embedded.Durability(t.Context()))
}

// settings answer as a server with these settings would.
type settings struct {
	values map[string]string
	db     *sql.DB
}

// QueryContext implements querier.
func (s settings) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return s.db.QueryContext(ctx, query, args...)
}

// QueryRowContext implements querier.
func (s settings) QueryRowContext(ctx context.Context, _ string, args ...any) *sql.Row {
	return s.db.QueryRowContext(ctx, `SELECT CAST($1 AS TEXT)`, s.values[args[0].(string)]) //nolint:forcetypeassert // the setting's name
}
