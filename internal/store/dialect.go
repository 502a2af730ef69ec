package store

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/walletnode/walletnode/internal/cluster"
)

// dialect is what the engines spell differently within a statement; everything else of one is the same.
type dialect struct {
	// now is the database's clock in microseconds of the Unix epoch, at the moment at which it is evaluated and not that of
	// the transaction's begin: a row lock may have been waited for since. What it is compared with was written by it too:
	// two machines' clocks are never compared.
	now string
	// lock ends a SELECT whose rows stay this transaction's until it ends. SQLite has one writer at a time, and needs none.
	lock string
	// prepares says that a statement may be prepared: of a server's session nothing is left to whom a pooler gives it next.
	prepares bool
	// origin tells one history of the database from another, as far as the database itself can: an empty text if it cannot.
	origin string
	// position is how far the history has got; it passes whatever a commit has acknowledged. 0 if the database tells none.
	position string
	// seen is how far this process has seen the database get; nil if it does not remember.
	seen *cluster.Watermark
	// chance draws a number of 0 .. below-1 in a simulation; nil everywhere else.
	chance func(below int64) int64
}

// draw returns a random number of 0 .. below-1. Nothing depends on that nobody can guess it.
func (d dialect) draw(below int64) int64 {
	if d.chance != nil {
		return d.chance(below)
	}
	return rand.Int64N(below) //nolint:gosec // see above
}

// dialect implements engine. The clock is this machine's, which has the database's only process; a version of SQLite that
// has no clock of microseconds would answer with nothing, and nothing is never over.
func (location) dialect() dialect {
	return dialect{now: strconv.FormatInt(time.Now().UnixMicro(), 10), prepares: true, origin: unknown, position: `0`}
}

// unknown is the origin of a database that cannot tell it.
const unknown = `''`

// remoteDialect is PostgreSQL's. Its origin has three parts, which any user may read: the identifier of the server's files, the
// timeline, which is another one once a standby was promoted or an archive was restored, and the table's own number, which
// is another one if a dump was restored. The position is that of the log, of which a commit waits for more than was
// written when it was read.
var remoteDialect = dialect{
	now:  `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`,
	lock: ` FOR UPDATE`,
	origin: `(SELECT system_identifier FROM pg_control_system()) || ':' ||
		substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) || ':' || CAST(CAST('generations' AS regclass) AS oid)`,
	position: `CAST(pg_current_wal_insert_lsn() - '0/0' AS BIGINT)`,
}

// tongue is how one remote database is spoken to.
type tongue struct {
	urgency time.Duration // how long a statement is waited for that a lease depends on

	mu      sync.Mutex
	words   dialect
	learned bool // whether the database was asked what it can tell
}

// leasePatience is how long a statement about a session is waited for: less than a usual renewal's interval, so that one that
// got stuck has a successor well before the lease is over.
const leasePatience = 2 * time.Second

func newTongue() *tongue { return &tongue{urgency: leasePatience, words: remoteDialect} }

// dialect implements engine.
func (r *remote) dialect() dialect {
	r.tongue.mu.Lock()
	defer r.tongue.mu.Unlock()
	return r.tongue.words
}

// remember has a watermark kept of how far the database was seen to get.
func (r *remote) remember(w *cluster.Watermark) {
	r.tongue.mu.Lock()
	defer r.tongue.mu.Unlock()
	r.tongue.words.seen = w
}

func (location) learn(context.Context, querier) error { return nil }

// learn implements engine. A database of PostgreSQL's protocol that is none of its kind has no such functions, and a managed
// one may refuse them. Such a one loses no acknowledged commits when a machine is lost, or is trusted not to.
func (r *remote) learn(ctx context.Context, db querier) error {
	r.tongue.mu.Lock()
	learned, words := r.tongue.learned, r.tongue.words
	r.tongue.mu.Unlock()
	if learned {
		return nil
	}
	var origin string
	var position int64
	err := db.QueryRowContext(ctx, `SELECT `+words.origin+`, `+words.position).Scan(&origin, &position)
	mute := cannotTell(err)
	if err != nil && !mute {
		return err
	}
	r.tongue.mu.Lock()
	defer r.tongue.mu.Unlock()
	r.tongue.learned = true
	if mute {
		r.tongue.words.origin, r.tongue.words.position = unknown, `0`
	}
	return nil
}

// cannotTell reports whether an error says that a statement has words that the database does not know, or lets nobody use.
func cannotTell(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	return slices.Contains([]string{"42883", "42704", "42703", "42601", "42501", "0A000"}, refused.Code)
}

func (location) beside(writer *sql.DB, _ int, _ bool) *sql.DB { return writer }

// besideIdle is how long a connection beside the writer's is kept that nobody needs: the end of a rush of claims.
const besideIdle = 10 * time.Second

// beside implements engine. The connections are made when they are first needed.
func (r *remote) beside(_ *sql.DB, connections int, urgent bool) *sql.DB {
	patience := r.patience
	if urgent {
		patience = r.tongue.urgency
	}
	db := r.open(patience, connections)
	db.SetConnMaxIdleTime(besideIdle)
	return db
}

// clock reads the database's clock, in microseconds of the Unix epoch.
func clock(ctx context.Context, tx *sql.Tx, d dialect) (now int64, err error) {
	return now, tx.QueryRowContext(ctx, `SELECT `+d.now).Scan(&now)
}
