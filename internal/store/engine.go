package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/pressly/goose/v3/database"
)

// engine is a place where a store can live, and all that differs between the databases: how one connects, how one looks
// before touching, and whether a second process is kept away. Schema and queries are the same everywhere.
type engine interface {
	fmt.Stringer // names the place in messages, without a password
	dialect() dialect
	// learn finds out what the database can tell about its history, which the dialect has then.
	learn(ctx context.Context, db querier) error
	// beside opens connections beside the writer's one, for statements that must not wait for its turn; urgent ones are given
	// up early. An embedded database has one writer at a time, which serves.
	beside(writer *sql.DB, connections int, urgent bool) *sql.DB

	// exists reports whether there is a store, of whatever version.
	exists(ctx context.Context) (bool, error)
	// acquire makes the calling process the only one that has an embedded store, until release; ErrLocked if another has it. A
	// database server has room for many processes, and refuses none.
	acquire(ctx context.Context) (lock, error)
	// tenancy is how long a process that says nothing counts as one of many that have the store; 0 where one alone has it.
	tenancy() time.Duration
	// holder reports whether processes have the store open for running, and which.
	holder(ctx context.Context) (process string, held bool, err error)

	reader(ctx context.Context) (*sql.DB, error)
	writer(ctx context.Context) (*sql.DB, error) // one connection
	// migrator is a writer whose statements may take as long as a migration takes.
	migrator(ctx context.Context) (*sql.DB, error)
	// ledger is where applied migrations are noted.
	ledger() (database.Store, error)

	// sound fails with ErrCorrupt if the database says so when it is asked.
	sound(ctx context.Context, db *sql.DB) error
	// durable fails with ErrNotDurable if the database does not keep what it acknowledges.
	durable(ctx context.Context, db querier) error
	// version returns the schema's version, 0 for an empty database; ErrForeign if it is a database of something else.
	version(ctx context.Context, db querier) (int64, error)
	// measure fills in where the store is and how large.
	measure(ctx context.Context, tx querier, f *Figures) error
	// shrink gives unused space back; ErrElsewhere if that is left to the database.
	shrink(ctx context.Context, db *sql.DB) error
}

// lock is the claim of one process on an embedded store.
type lock interface{ release() error }

// parsePlace reads a DSN: a URL of PostgreSQL, or what parseLocation takes.
func parsePlace(dsn string) (engine, error) {
	if Shared(dsn) {
		return parseRemote(dsn)
	}
	at, err := parseLocation(dsn)
	if err != nil {
		return nil, err
	}
	return at, nil
}

// Shared reports whether a DSN names a database server, which several machines can reach, rather than a file of this one.
func Shared(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}
