package store

import (
	"context"
	"database/sql/driver"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
)

// questions are what is asked of a file on the connections that only read.
type questions struct {
	mu    sync.Mutex
	asked []string
}

// through is Simulated.Through.
func (q *questions) through(c driver.Connector, writes bool) driver.Connector {
	if writes {
		return c
	}
	return heard{c, q}
}

// since returns what was asked since the last call.
func (q *questions) since() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	asked := q.asked
	q.asked = nil
	return asked
}

type heard struct {
	driver.Connector
	by *questions
}

func (h heard) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := h.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return heardConn{conn.(*keeper), h.by}, nil //nolint:forcetypeassert // the store's own
}

type heardConn struct {
	*keeper
	by *questions
}

func (h heardConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	h.by.mu.Lock()
	h.by.asked = append(h.by.asked, query)
	h.by.mu.Unlock()
	return h.keeper.QueryContext(ctx, query, args)
}

// asking is a store whose questions are heard.
type asking struct {
	*Store
	*questions
	t   *testing.T
	dsn string
}

func openAsking(t *testing.T, many bool) asking {
	t.Helper()
	a := asking{questions: new(questions), t: t, dsn: t.TempDir()}
	var err error
	a.Store, err = Open(t.Context(), Config{DSN: a.dsn, Simulated: &Simulated{Through: a.through, Shared: many}}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// active returns the wallets that part is taken in.
func (a asking) active() (ids []chain.WalletID) {
	a.t.Helper()
	wallets, err := a.Wallets(a.t.Context())
	require.NoError(a.t, err)
	for _, w := range wallets {
		ids = append(ids, w.ID())
	}
	return ids
}

func (a asking) version(topic shared.Topic) uint64 {
	a.t.Helper()
	versions, err := a.Versions(a.t.Context())
	require.NoError(a.t, err)
	return versions[topic]
}

// An idle node looks at these lists every two seconds. Nothing was written meanwhile, by it or by who imports a wallet beside it.
func TestAnIdleStoreIsAskedWhetherItWasWrittenTo(t *testing.T) {
	a := openAsking(t, false)
	first, second := testWallet(t, 1, mallory), testWallet(t, 2, mallory)
	require.NoError(t, a.ImportWallet(t.Context(), first, time.Now()))
	want := []chain.WalletID{first.ID()}
	require.Equal(t, want, a.active())
	require.Zero(t, a.version(shared.TopicBans))
	a.since()
	for range 5 {
		require.Equal(t, want, a.active())
		require.Zero(t, a.version(shared.TopicBans))
	}
	for _, query := range a.since() {
		require.Equal(t, "PRAGMA data_version", query)
	}

	// What the process itself writes is there at once, and so is what another one does.
	_, err := a.AddBan(t.Context(), shared.Ban{Operator: chain.Operator{1}}, 0)
	require.NoError(t, err)
	require.EqualValues(t, 1, a.version(shared.TopicBans))
	beside, err := OpenImporter(t.Context(), a.dsn, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, beside.ImportWallet(t.Context(), second, time.Now()))
	require.ElementsMatch(t, []chain.WalletID{first.ID(), second.ID()}, a.active())
	require.NoError(t, beside.ArchiveWallet(t.Context(), first.ID(), true))
	require.Equal(t, []chain.WalletID{second.ID()}, a.active())
	require.NoError(t, beside.Close())
}

// The numbers of two connections cannot be compared: after a failure everything is read again.
func TestAnotherConnectionsNumberIsAnotherState(t *testing.T) {
	a := openAsking(t, false)
	require.Empty(t, a.active())
	before, err := a.gauge.read(t.Context())
	require.NoError(t, err)
	require.NoError(t, a.gauge.drop())
	w := testWallet(t, 1, mallory)
	require.NoError(t, a.ImportWallet(t.Context(), w, time.Now()))
	after, err := a.gauge.read(t.Context())
	require.NoError(t, err)
	a.wallets.at = mark{before.opened, after.version} // each connection counts for itself: the first one may have come as far
	require.Equal(t, []chain.WalletID{w.ID()}, a.active())
}

// Where many write, each of them asks often who is there: what it knows of a wallet is not read again.
func TestRostersAreReadOnce(t *testing.T) {
	a := openAsking(t, true)
	first, second := testWallet(t, 1, mallory), testWallet(t, 2, mallory)
	rosters := func() (n int) {
		for _, query := range a.since() {
			if strings.Contains(query, "roster") {
				n++
			}
		}
		return n
	}
	require.NoError(t, a.ImportWallet(t.Context(), first, time.Now()))
	require.Equal(t, []chain.WalletID{first.ID()}, a.active())
	require.Equal(t, 1, rosters())
	for want, archived := range []bool{true, false} {
		require.NoError(t, a.ArchiveWallet(t.Context(), first.ID(), archived))
		require.Len(t, a.active(), want)
	}
	require.Zero(t, rosters())
	require.NoError(t, a.ImportWallet(t.Context(), second, time.Now()))
	require.ElementsMatch(t, []chain.WalletID{first.ID(), second.ID()}, a.active())
	require.Equal(t, 1, rosters())
	all, err := a.Reader.Wallets(t.Context())
	require.NoError(t, err)
	kept, err := a.Wallets(t.Context())
	require.NoError(t, err)
	require.Equal(t, all, kept)

	// Another database under the same name: the wallet was imported into it at another time, with other seats.
	other, id := testWallet(t, 1, mallory, chain.Operator{2}), first.ID()
	_, err = a.writes.db.ExecContext(t.Context(), `UPDATE wallets SET roster = $1, imported_time = imported_time + 1 WHERE wallet = $2`,
		encodeRoster(other.Roster()), id[:])
	require.NoError(t, err)
	kept, err = a.Wallets(t.Context())
	require.NoError(t, err)
	require.Contains(t, kept, other)
}
