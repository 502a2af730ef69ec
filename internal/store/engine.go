package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3/database"
)

// engine is a place where a store can live, and all that differs between the databases: how one connects, how one looks
// before touching, and how a second node is kept away. Schema and queries are the same everywhere.
type engine interface {
	fmt.Stringer // names the place in messages, without a password
	dialect() dialect

	// exists reports whether there is a store, of whatever version.
	exists(ctx context.Context) (bool, error)
	// acquire makes the calling process the store's only node, until release. ErrLocked if another is; a patient caller
	// waits first until it is certain that the other one lives.
	acquire(ctx context.Context, patient bool) (lock, error)
	// holder reports whether a process has the store, and which.
	holder(ctx context.Context) (process string, held bool, err error)

	reader(ctx context.Context) (*sql.DB, error)
	writer(ctx context.Context) (*sql.DB, error) // one connection
	// migrator is a writer whose statements may take as long as a migration takes.
	migrator(ctx context.Context) (*sql.DB, error)
	// ledger is where applied migrations are noted.
	ledger() (database.Store, error)

	// sound fails with ErrCorrupt if the database says so when it is asked.
	sound(ctx context.Context, db *sql.DB) error
	// version returns the schema's version, 0 for an empty database; ErrForeign if it is a database of something else.
	version(ctx context.Context, db querier) (int64, error)
	// measure fills in where the store is and how large.
	measure(ctx context.Context, tx querier, f *Figures) error
	// shrink gives unused space back; ErrElsewhere if that is left to the database.
	shrink(ctx context.Context, db *sql.DB) error
}

// lock is the claim of one process on a store.
type lock interface{ release() error }

// fence is a lock that the database itself checks: it stands in each transaction that writes. Where the operating system
// keeps the lock (SQLite) there is none.
type fence interface {
	// enter is the first statement of a transaction. ErrLocked if the claim was lost.
	enter(ctx context.Context, tx *sql.Tx) error
	// left is told that a transaction that was entered was committed, or was rolled back.
	left(committed bool)
	// settle is told why a commit failed. It returns nil if the transaction was committed after all, cause if it was
	// not, and ErrUnknownOutcome if neither could be learned.
	settle(ctx context.Context, cause error) error
}

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
