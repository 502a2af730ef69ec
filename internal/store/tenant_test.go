package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// node opens a store as a node does, and does not close it.
func node(t *testing.T, dsn string) (*Store, error) {
	t.Helper()
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	return openLocked(t.Context(), at, binding{"31337", genesis.String()}, quiet)
}

func mustNode(t *testing.T, dsn string) *Store {
	t.Helper()
	s, err := node(t, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestManyProcessesHaveOneDatabase(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	first, second := mustNode(t, dsn), mustNode(t, dsn)
	for n, s := range []*Store{first, second, first, second} {
		record(t, s, agreed(walletA, uint64(n)+1))
	}
	processes, running, err := Running(dsn)
	require.NoError(t, err)
	require.True(t, running)
	pid := ":" + strconv.Itoa(os.Getpid())
	require.Equal(t, 2, strings.Count(processes, pid), processes)

	_, err = OpenIdle(t.Context(), Config{DSN: dsn}, quiet)
	require.ErrorIs(t, err, ErrLocked, "the nodes prune by themselves")
	require.ErrorContains(t, err, pid, "it says which processes")
	importer, err := OpenImporter(t.Context(), dsn, quiet)
	require.NoError(t, err)
	require.NoError(t, importer.ImportWallet(t.Context(), testWallet(t, 1, mallory), noon))
	require.NoError(t, importer.Close())
	wallets, err := second.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, wallets, 1)

	require.NoError(t, first.Close())
	require.NoError(t, second.OpenWindow(t.Context(), opened(1)), "who is left goes on")
	require.NoError(t, second.Close())
	_, running, err = Running(dsn)
	require.NoError(t, err)
	require.False(t, running)
	idle, err := OpenIdle(t.Context(), Config{DSN: dsn}, quiet)
	require.NoError(t, err)
	require.NoError(t, idle.Close())
}

// rows counts what is known of processes.
func tenancyRows(t *testing.T, s *Store) (n int) {
	t.Helper()
	require.NoError(t, s.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM tenancy`).Scan(&n))
	return n
}

func TestARowOfALongDeadProcessIsRemoved(t *testing.T) {
	dsn := pgtest.Database(t)
	dead, asleep := mustNode(t, dsn), mustNode(t, dsn)
	age := func(s *Store, by time.Duration) {
		pgtest.Exec(t, dsn, fmt.Sprintf(`UPDATE tenancy SET expires = expires - %d WHERE holder = '%s'`, by.Microseconds(), s.writes.tenant.name))
	}
	age(dead, tenantRest+time.Minute)
	age(asleep, tenantRest-time.Minute)
	mustNode(t, dsn)
	require.Equal(t, 2, tenancyRows(t, asleep))
	require.NoError(t, dead.OpenWindow(t.Context(), opened(1)), "it was asleep after all, and is back")
	require.Equal(t, 3, tenancyRows(t, asleep))
}

// A process that says nothing counts as gone, until it is heard of again; Hold sees to that.
func TestWhoHoldsTheStoreIsSeenToRun(t *testing.T) {
	dsn := pgtest.Database(t)
	s := mustNode(t, dsn)
	silent := func() { pgtest.Exec(t, dsn, `UPDATE tenancy SET expires = 0`) }
	silent()
	_, running, err := Running(dsn)
	require.NoError(t, err)
	require.False(t, running)
	s.writes.tenant.ttl = time.Hour
	ctx, end := context.WithCancel(t.Context())
	held := make(chan error, 1)
	go func() { held <- s.Hold(ctx) }()
	require.Eventually(t, func() bool { _, running, err := Running(dsn); return err == nil && running }, time.Minute, 10*time.Millisecond)
	end()
	require.NoError(t, <-held)
}

// A database that was restored from a backup has forgotten the process, or some of what it counted; so has one in which a copy
// of this process, as of a cloned machine, counts too. None of it keeps the process from writing.
func TestAProcessThatTheDatabaseForgotBeginsAnew(t *testing.T) {
	for name, forget := range map[string]string{
		"its row":         `DELETE FROM tenancy`,
		"what it counted": `UPDATE tenancy SET commits = 0`,
		"that it is one":  `UPDATE tenancy SET commits = commits + 5`,
	} {
		t.Run(name, func(t *testing.T) {
			cut := new(cutter)
			s, dsn := cut.store(t)
			for n := range uint64(3) {
				require.NoError(t, s.OpenWindow(t.Context(), opened(n+1)))
			}
			pgtest.Exec(t, dsn, forget)
			require.NoError(t, s.OpenWindow(t.Context(), opened(4)))

			cut.after.Store(true)
			cut.hook.Store(new(func() { pgtest.Exec(t, dsn, forget) }))
			cut.armed.Store(true)
			err := s.OpenWindow(t.Context(), opened(5))
			require.ErrorIs(t, err, errUnknownOutcome, "what was under way cannot be learned")
			last, err := s.LastWindow(t.Context())
			require.NoError(t, err)
			require.Equal(t, opened(5), last, "it was stored all the same")
			require.NoError(t, s.OpenWindow(t.Context(), opened(6)))
		})
	}
}

func TestOfManyThatMakeTheTablesAllHaveThem(t *testing.T) {
	dsn := pgtest.Database(t)
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	var starting sync.WaitGroup
	for range 6 {
		starting.Go(func() {
			s, err := openLocked(t.Context(), at, binding{"31337", genesis.String()}, quiet)
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { require.NoError(t, s.Close()) })
		})
	}
	starting.Wait()
	var steps int
	require.NoError(t, at.with(t.Context(), func(db *sql.DB) error {
		return db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+versionTable+` WHERE version_id > 0`).Scan(&steps)
	}))
	require.EqualValues(t, latestVersion, steps, "each step was made once")
}

// An earlier version has its database to itself: it could not write beside this one.
func TestANodeOfAnEarlierVersionIsNotPushedAside(t *testing.T) {
	dsn := pgtest.Database(t)
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	require.NoError(t, at.with(t.Context(), func(db *sql.DB) error {
		_, err := migrateTo(t.Context(), at, db, migrations, loneVersion)
		return err
	}))
	pgtest.Exec(t, dsn, `UPDATE tenancy SET holder = 'x', process = 'elsewhere:1', expires = CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT) + 3600000000`)
	_, err = node(t, dsn)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorContains(t, err, "elsewhere:1")
	processes, _, err := Running(dsn)
	require.NoError(t, err)
	require.Equal(t, "elsewhere:1", processes)
	pgtest.Exec(t, dsn, `UPDATE tenancy SET holder = '', expires = 0`)
	mustNode(t, dsn)
}

// cutter cuts the connection at the next commit, before or after the server has got it.
type cutter struct {
	armed, after atomic.Bool
	away         atomic.Bool            // and no connection can be made any more
	broken       atomic.Bool            // and those that there are end at the next word
	hook         atomic.Pointer[func()] // what happens before anybody can ask what became of the commit
}

// store opens a store whose connections can be cut.
func (c *cutter) store(t *testing.T) (*Store, string) {
	t.Helper()
	dsn := pgtest.Database(t)
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	dial := at.config.DialFunc
	at.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.away.Load() {
			return nil, net.ErrClosed
		}
		conn, err := dial(ctx, network, address)
		return &cutConn{Conn: conn, cutter: c}, err
	}
	s, err := openLocked(t.Context(), at, binding{}, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, dsn
}

type cutConn struct {
	net.Conn
	cutter *cutter
	deaf   atomic.Bool // the answer is never heard
}

// Read implements net.Conn.
func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b) // the answer: the server has committed
	if c.deaf.Load() {
		if hook := c.cutter.hook.Swap(nil); hook != nil {
			(*hook)()
		}
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Write implements net.Conn.
func (c *cutConn) Write(b []byte) (int, error) {
	if c.cutter.broken.Load() {
		return 0, errors.Join(net.ErrClosed, c.Close())
	}
	if !bytes.Contains(b, []byte("commit\x00")) || !c.cutter.armed.Swap(false) {
		return c.Conn.Write(b)
	}
	if !c.cutter.after.Load() {
		return 0, errors.Join(net.ErrClosed, c.Close())
	}
	c.deaf.Store(true)
	return c.Conn.Write(b)
}

func TestWhatACutConnectionLeavesOpenIsLearned(t *testing.T) {
	cut := new(cutter)
	s, _ := cut.store(t)
	for n, after := range []bool{true, false, true} {
		cut.after.Store(after)
		cut.armed.Store(true)
		won, err := s.RecordResult(t.Context(), agreed(walletA, uint64(n)+1))
		require.False(t, cut.armed.Load(), "the connection was cut")
		if after {
			require.NoError(t, err, "it was stored, though no answer came")
			require.True(t, won)
			continue
		}
		require.Error(t, err)
		require.NotErrorIs(t, err, errUnknownOutcome)
		won, err = s.RecordResult(t.Context(), agreed(walletA, uint64(n)+1))
		require.NoError(t, err)
		require.True(t, won, "it was not stored before")
	}
	pending, err := s.PendingActions(t.Context())
	require.NoError(t, err)
	require.Len(t, pending, 3)
}

func TestWhatCannotBeLearnedIsSaidAndTheNextWriteGoesOn(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{true, false} {
		cut := new(cutter)
		s, _ := cut.store(t)
		require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
		s.writes.tenant.db.SetMaxIdleConns(0) // its connection is gone with the others
		cut.after.Store(after)
		cut.armed.Store(true)
		cut.away.Store(true)
		err := s.OpenWindow(t.Context(), opened(2))
		require.ErrorIs(t, err, errUnknownOutcome)

		cut.away.Store(false)
		require.NoError(t, s.OpenWindow(t.Context(), opened(3)), "its row is still its own")
		detail, err := s.WindowDetail(t.Context(), opened(2).Block)
		if after {
			require.NoError(t, err)
			require.NotNil(t, detail.Opened)
		} else {
			require.ErrorIs(t, err, ErrNotFound)
		}
	}
}
