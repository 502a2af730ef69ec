package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// shortTTL is a claim's life in tests that wait for its end, by the server's clock: long enough for a renewal on a busy
// machine, which takes some milliseconds.
const shortTTL = 2 * time.Second

// node opens a store as a node does, with a claim of some length, and does not close it.
func node(t *testing.T, dsn string, ttl time.Duration) (*Store, error) {
	t.Helper()
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	at.ttl = ttl
	return openLocked(t.Context(), at, binding{"31337", genesis.String()}, true, quiet)
}

func mustNode(t *testing.T, dsn string, ttl time.Duration) *Store {
	t.Helper()
	s, err := node(t, dsn, ttl)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestASecondNodeIsRefusedAndReadersAndImportsAreNot(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	first := mustNode(t, dsn, shortTTL)
	held := make(chan error)
	ctx, end := context.WithCancel(t.Context())
	go func() { held <- first.Hold(ctx) }()

	_, err := node(t, dsn, shortTTL)
	require.ErrorIs(t, err, ErrLocked)
	require.NotErrorIs(t, err, ErrLost)
	require.ErrorContains(t, err, ":"+strconv.Itoa(os.Getpid()), "it says which process has it")
	_, err = OpenIdle(t.Context(), Config{DSN: dsn}, quiet)
	require.ErrorIs(t, err, ErrLocked)
	process, running, err := Running(dsn)
	require.NoError(t, err)
	require.True(t, running)
	require.Contains(t, process, strconv.Itoa(os.Getpid()))

	importer, err := OpenImporter(t.Context(), dsn, quiet)
	require.NoError(t, err)
	require.NoError(t, importer.ImportWallet(t.Context(), testWallet(t, 1, mallory), noon))
	require.NoError(t, importer.Close())
	wallets, err := first.Wallets(t.Context())
	require.NoError(t, err)
	require.Len(t, wallets, 1)

	end()
	require.NoError(t, <-held)
	require.NoError(t, first.Close())
	_, running, err = Running(dsn)
	require.NoError(t, err)
	require.False(t, running)
	mustNode(t, dsn, time.Hour) // at once: what was given back need not be waited for
}

// A node that was killed, or sleeps, has left its claim behind.
func TestANodeThatIsGoneIsReplacedAndCannotWriteAnyMore(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	sleeper := mustNode(t, dsn, shortTTL)
	require.NoError(t, sleeper.OpenWindow(t.Context(), opened(1)))
	successor := mustNode(t, dsn, time.Hour)
	require.NoError(t, successor.OpenWindow(t.Context(), opened(2)))

	err := sleeper.OpenWindow(t.Context(), opened(3))
	require.ErrorIs(t, err, ErrLost)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorIs(t, sleeper.Hold(t.Context()), ErrLost, "its node ends")
	last, err := successor.LastWindow(t.Context())
	require.NoError(t, err)
	require.Equal(t, opened(2), last)

	require.NoError(t, sleeper.Close())
	_, running, err := Running(dsn)
	require.NoError(t, err)
	require.True(t, running, "it gave nothing back that was not its own")
	require.NoError(t, successor.OpenWindow(t.Context(), opened(3)))
}

func TestAClaimThatEndedAndThatNobodyTookIsKept(t *testing.T) {
	dsn := pgtest.Database(t)
	s := mustNode(t, dsn, 10*time.Millisecond)
	_, err := s.db.ExecContext(t.Context(), `SELECT pg_sleep(0.05)`)
	require.NoError(t, err)
	_, running, err := Running(dsn)
	require.NoError(t, err)
	require.False(t, running)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
}

// Two copies of one process, as of a machine that was cloned while the node ran, have the same claim.
func TestOfTwoClonesOneIsStopped(t *testing.T) {
	dsn := pgtest.Database(t)
	s := mustNode(t, dsn, time.Hour)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	clone, err := openBeside(t.Context(), s.at, quiet)
	require.NoError(t, err)
	defer func() { require.NoError(t, clone.Close()) }()
	copied := *s.writes.fence.(*lease) //nolint:forcetypeassert // of a shared database
	clone.writes.fence = &copied

	require.NoError(t, clone.OpenWindow(t.Context(), opened(2)))
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(3)), ErrLost)
	require.NoError(t, clone.OpenWindow(t.Context(), opened(3)))
}

func TestOfManyThatMakeTheTablesOneHasThem(t *testing.T) {
	dsn := pgtest.Database(t)
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	var won, refused atomic.Int32
	var starting sync.WaitGroup
	for range 6 {
		starting.Go(func() {
			s, err := openLocked(t.Context(), at, binding{}, false, quiet)
			switch {
			case err == nil:
				won.Add(1)
				t.Cleanup(func() { require.NoError(t, s.Close()) })
			case errors.Is(err, ErrLocked):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	starting.Wait()
	require.EqualValues(t, 1, won.Load())
	require.EqualValues(t, 5, refused.Load())
}

// cutter cuts the connection at the next commit, before or after the server has got it.
type cutter struct {
	armed, after atomic.Bool
	away         atomic.Bool // and no connection can be made any more
}

// store opens a store whose connections can be cut.
func (c *cutter) store(t *testing.T) *Store {
	t.Helper()
	at, err := parseRemote(pgtest.Database(t))
	require.NoError(t, err)
	dial := at.config.DialFunc
	at.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if c.away.Load() {
			return nil, net.ErrClosed
		}
		conn, err := dial(ctx, network, address)
		return &cutConn{Conn: conn, cutter: c}, err
	}
	s, err := openLocked(t.Context(), at, binding{}, true, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

type cutConn struct {
	net.Conn
	cutter *cutter
	deaf   atomic.Bool // the answer is never heard
}

// Read implements net.Conn.
func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.deaf.Load() {
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// Write implements net.Conn.
func (c *cutConn) Write(b []byte) (int, error) {
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
	s := cut.store(t)
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
		require.NotErrorIs(t, err, ErrUnknownOutcome)
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
		s := cut.store(t)
		require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
		fence := s.writes.fence.(*lease) //nolint:forcetypeassert // of a shared database
		fence.db.SetMaxIdleConns(0)      // its connection is gone with the others
		cut.after.Store(after)
		cut.armed.Store(true)
		cut.away.Store(true)
		err := s.OpenWindow(t.Context(), opened(2))
		require.ErrorIs(t, err, ErrUnknownOutcome)
		require.NotErrorIs(t, err, ErrLost)

		cut.away.Store(false)
		require.NoError(t, s.OpenWindow(t.Context(), opened(3)), "it is still its own node")
		detail, err := s.WindowDetail(t.Context(), opened(2).Block)
		if after {
			require.NoError(t, err)
			require.NotNil(t, detail.Opened)
		} else {
			require.ErrorIs(t, err, ErrNotFound)
		}
	}
}
