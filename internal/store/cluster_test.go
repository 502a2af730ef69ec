package store

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/cluster/clustertest"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

func TestTheEmbeddedStoreIsACluster(t *testing.T) {
	clustertest.Suite(t, func(t *testing.T) clustertest.Bench {
		at := embeddedInTests(t)
		return clustertest.Bench{
			Store: openCluster(t, at), TTL: time.Minute,
			Pass:    func(d time.Duration) { at.ahead.Add(int64(d)) },
			Promote: func() { at.history.Add(1) },
		}
	})
}

func TestTheSharedStoreIsACluster(t *testing.T) {
	clustertest.Suite(t, func(t *testing.T) clustertest.Bench { return steered(t).bench() })
}

// What a database that cannot tell its history promises is the same, but that a change of it stays unnoticed.
func TestADatabaseThatTellsNothingOfItsHistory(t *testing.T) {
	dsn := pgtest.Database(t)
	at := mustRemote(t, dsn)
	at.tongue.words.origin, at.tongue.words.position = `no_such_function()`, `no_such_function()`
	s := openCluster(t, at)
	a := joined(t, s, "a")
	require.Equal(t, unknown, at.dialect().origin)
	require.NotEmpty(t, a.Generation)

	other := mustRemote(t, dsn)
	b := joined(t, openCluster(t, other), "b")
	require.NotEqual(t, unknown, other.dialect().origin)
	require.Equal(t, a.Generation, b.Generation, "one that can tell more takes part")

	pgtest.Exec(t, dsn, `UPDATE generations SET origin = 'forgotten'`) // what a person does who restored a backup
	require.ErrorIs(t, s.RenewSession(t.Context(), renewalOf(a)), cluster.ErrSessionLost)
	require.NotEqual(t, a.Generation, joined(t, s, "a").Generation)
}

// A user who may do no more than read and write the tables is told as much as the superuser.
func TestHistoryIsToldToAnyUser(t *testing.T) {
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	a := joined(t, s, "a")
	role := "plain_" + strconv.FormatInt(time.Now().UnixNano(), 36)
	pgtest.Exec(t, dsn, `CREATE ROLE `+role+` LOGIN PASSWORD 'plain'`, `GRANT USAGE ON SCHEMA public TO `+role,
		`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO `+role)
	t.Cleanup(func() { pgtest.Exec(t, dsn, `DROP OWNED BY `+role, `DROP ROLE `+role) })
	at := mustRemote(t, pgtest.As(t, dsn, role, "plain"))
	b := joined(t, openCluster(t, at), "b")
	require.Equal(t, remoteDialect.origin, at.dialect().origin, "it was not refused")
	require.Equal(t, a.Generation, b.Generation)
}

// mustRemote is as patient as a test on a busy machine has to be.
func mustRemote(t testing.TB, dsn string) *remote {
	t.Helper()
	at, err := parseRemote(dsn)
	require.NoError(t, err)
	at.patience, at.tongue.urgency = 2*time.Minute, 2*time.Minute
	return at
}

func openCluster(t testing.TB, at engine) *Store {
	t.Helper()
	s, err := openLocked(t.Context(), at, binding{"31337", genesis.String()}, quiet)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// joined opens a session for a long time.
func joined(t testing.TB, s cluster.Sessions, id cluster.InstanceID) cluster.Seal {
	t.Helper()
	return openedFor(t, s, id, time.Hour)
}

func openedFor(t testing.TB, s cluster.Sessions, id cluster.InstanceID, ttl time.Duration) cluster.Seal {
	t.Helper()
	h := cluster.Holder{Instance: id, Boot: cluster.NewBoot()}
	g, err := s.OpenSession(t.Context(), cluster.Opening{Holder: h, Token: cluster.NewToken(), TTL: ttl, Status: cluster.Status{Healthy: true}})
	require.NoError(t, err)
	return cluster.Seal{Holder: h, Generation: g}
}

// steeredFile is a file whose clock and history tests steer.
type steeredFile struct {
	location
	ahead, history *atomic.Int64
}

func embeddedInTests(t *testing.T) steeredFile {
	t.Helper()
	at, err := parseLocation(t.TempDir())
	require.NoError(t, err)
	return steeredFile{at, new(atomic.Int64), new(atomic.Int64)}
}

func (f steeredFile) dialect() dialect {
	d := f.location.dialect()
	d.now = strconv.FormatInt(time.Now().UnixMicro()+time.Duration(f.ahead.Load()).Microseconds(), 10)
	d.origin = fmt.Sprintf(`'history %d'`, f.history.Load())
	return d
}

// steeredServer is a database of a server, whose clock and history tests steer: what the dialect says about them stands in a
// table beside the store's.
type steeredServer struct {
	t   *testing.T
	dsn string
	at  *remote
	*Store
}

func steered(t *testing.T) steeredServer {
	t.Helper()
	dsn := pgtest.Database(t)
	s := steeredServer{t: t, dsn: dsn, at: mustRemote(t, dsn)}
	s.Store = openCluster(t, s.at)
	pgtest.Exec(t, dsn, `CREATE TABLE steering (ahead BIGINT NOT NULL, history BIGINT NOT NULL, position BIGINT NOT NULL)`,
		`INSERT INTO steering VALUES (0, 1, 1000)`)
	s.steer(s.at)
	return s
}

func (s steeredServer) steer(at *remote) {
	at.tongue.words.now = remoteDialect.now + ` + (SELECT ahead FROM steering)`
	at.tongue.words.origin = `(SELECT 'history ' || history FROM steering)`
	at.tongue.words.position = `(SELECT position FROM steering)`
}

func (s steeredServer) set(what string, args ...any) {
	s.t.Helper()
	pgtest.Exec(s.t, s.dsn, fmt.Sprintf(`UPDATE steering SET `+what, args...))
}

func (s steeredServer) pass(d time.Duration) { s.set(`ahead = ahead + %d`, d.Microseconds()) }

func (s steeredServer) bench() clustertest.Bench {
	return clustertest.Bench{
		Store: s.Store, TTL: time.Minute, Pass: s.pass,
		Promote: func() { s.set(`history = history + 1`) },
	}
}
