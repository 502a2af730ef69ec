package store

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// swallower stands between a store and its server. Once told to, it takes all that is said and answers nothing, and so it
// does with who comes then.
type swallower struct {
	listener  net.Listener
	swallows  atomic.Bool
	answering sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// store opens a store behind it.
func (w *swallower) store(t *testing.T) *Store {
	t.Helper()
	at, err := parseRemote(pgtest.Database(t))
	require.NoError(t, err)
	w.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dial := at.config.DialFunc
	at.config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !w.swallows.Load() {
			server, err := dial(context.WithoutCancel(ctx), network, address)
			if err != nil {
				return nil, err
			}
			return w.between(ctx, server)
		}
		return w.between(ctx, nil)
	}
	s, err := openLocked(t.Context(), at, binding{}, quiet)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.listener.Close())
		w.mu.Lock()
		for _, conn := range w.conns {
			_ = conn.Close()
		}
		w.mu.Unlock()
		w.answering.Wait()
	})
	return s
}

// between connects a client with a server, or with nobody.
func (w *swallower) between(ctx context.Context, server net.Conn) (net.Conn, error) {
	client, err := new(net.Dialer).DialContext(ctx, "tcp", w.listener.Addr().String())
	if err != nil {
		return nil, err
	}
	inner, err := w.listener.Accept()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.conns = append(w.conns, inner)
	if server != nil {
		w.conns = append(w.conns, server)
	}
	w.mu.Unlock()
	if server == nil {
		w.answering.Go(func() { _, _ = io.Copy(io.Discard, inner) })
		return client, nil
	}
	w.answering.Go(func() { w.pass(server, inner) })
	w.answering.Go(func() { w.pass(inner, server) })
	return client, nil
}

// pass copies until a side has gone, or to nowhere.
func (w *swallower) pass(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if w.swallows.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// A database that takes everything and says nothing costs a shutdown one wait, however much there was to be written.
func TestCloseWaitsOnceForADatabaseThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	hole := new(swallower)
	s := hole.store(t)
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	s.writes.grace = 100 * time.Millisecond
	require.Greater(t, s.at.(*remote).patience, 100*s.writes.grace, "nothing else ends the wait") //nolint:forcetypeassert // it is one
	var tries atomic.Int64
	s.writes.observe = func(time.Duration) { tries.Add(1) }

	const waiting = 2*maxBatch + 10
	release := holdTurn(s)
	outcomes := make(chan error, waiting)
	for n := range uint64(waiting) {
		go func() { outcomes <- s.OpenWindow(t.Context(), opened(n+2)) }()
	}
	awaitQueue(s, waiting)
	hole.swallows.Store(true)
	release()
	require.NoError(t, s.Close(), "that the database could not be told is no matter")
	for range waiting {
		require.ErrorIs(t, <-outcomes, ErrClosed)
	}
	require.LessOrEqual(t, tries.Load(), int64(1), "what waited was not tried")
	require.ErrorIs(t, s.OpenWindow(t.Context(), opened(1000)), ErrClosed)
}

// A stop is an orderly one without the database, too: what it has acknowledged it has, and the row of this process ends by itself.
func TestCloseNeedsNoDatabase(t *testing.T) {
	for name, goAway := range map[string]func(s *Store, cut *cutter){
		"the connections are gone": func(s *Store, _ *cutter) {
			for _, db := range []*sql.DB{s.db, s.writes.db, s.writes.tenant.db, s.lines.leases, s.lines.claims} {
				db.SetMaxIdleConns(0)
			}
		},
		"the next word is not heard": func(_ *Store, cut *cutter) { cut.broken.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			cut := new(cutter)
			s, dsn := cut.store(t)
			require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
			var logged bytes.Buffer
			s.log = slog.New(slog.NewTextHandler(&logged, nil))
			goAway(s, cut)
			cut.away.Store(true)
			require.NoError(t, s.Close())
			require.Contains(t, logged.String(), "level=WARN")

			r, err := OpenReader(t.Context(), dsn)
			require.NoError(t, err)
			last, err := r.LastWindow(t.Context())
			require.NoError(t, err)
			require.Equal(t, opened(1), last)
			require.NoError(t, r.Close())
		})
	}
}
