package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/database"
)

// Patience with a database server.
const (
	// connectTimeout is for one host of the DSN; connect_timeout in the DSN wins.
	connectTimeout = 10 * time.Second
	// statementPatience is many times what the slowest statement of a large store takes, and short enough to tell the
	// operator within a window's active phase what is wrong.
	statementPatience = 15 * time.Second
	// connectionLife bounds how long a connection is kept: after a failover a name leads to another server.
	connectionLife = time.Minute
)

// remote is a store in a database of a PostgreSQL server.
type remote struct {
	name     string // the URL without secrets and parameters
	config   *pgx.ConnConfig
	patience time.Duration // with one statement
	ttl      time.Duration // of what a process says about itself in the database (tenant)
	tongue   *tongue
	forms    forms
}

// parseRemote reads a URL. Its errors hold no password.
func parseRemote(dsn string) (*remote, error) {
	parsed, err := url.Parse(dsn)
	if err != nil {
		return nil, errors.New("store location: not a URL that can be read (percent-encode what is special in its password)")
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("store location %s: %w", redact(dsn), parseCause(err))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if severalHosts(config) && !parsed.Query().Has("target_session_attrs") {
		// Of a primary and its standbys the one that can be written is meant.
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if !parsed.Query().Has("application_name") {
		config.RuntimeParams["application_name"] = "walletnode"
	}
	// One round trip, and nothing that stays in the server's session.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return &remote{redact(dsn), config, statementPatience, tenantTTL, newTongue(), forms{}}, nil
}

// parseCause leaves out the URL, which pgx's own text repeats.
func parseCause(err error) error {
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return errors.New("a parameter of the URL cannot be read")
}

func severalHosts(config *pgx.ConnConfig) bool {
	for _, other := range config.Fallbacks {
		if other.Host != config.Host || other.Port != config.Port {
			return true // the same host again is the same without encryption
		}
	}
	return false
}

func (r *remote) String() string { return r.name }

func (r *remote) open(patience time.Duration, connections int) *sql.DB {
	db := sql.OpenDB(connector{r.config, patience, &r.forms})
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	db.SetConnMaxLifetime(connectionLife)
	return db
}

func (r *remote) reader(context.Context) (*sql.DB, error) { return r.open(r.patience, maxReaders), nil }

func (r *remote) writer(ctx context.Context) (*sql.DB, error) {
	return reached(ctx, r.open(r.patience, 1))
}

func (r *remote) migrator(ctx context.Context) (*sql.DB, error) { return reached(ctx, r.open(0, 1)) }

// reached returns a database that answers.
func reached(ctx context.Context, db *sql.DB) (*sql.DB, error) {
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (r *remote) exists(ctx context.Context) (bool, error) {
	var version int64
	err := r.with(ctx, func(db *sql.DB) (err error) {
		version, err = r.version(ctx, db)
		return err
	})
	return version > 0, err
}

// with lends a connection for a question.
func (r *remote) with(ctx context.Context, ask func(*sql.DB) error) error {
	db, err := r.writer(ctx)
	if err != nil {
		return err
	}
	return errors.Join(ask(db), db.Close())
}

func (r *remote) tenancy() time.Duration { return r.ttl }

// acquire implements engine. Many processes have a database at once, but for one of an earlier version, which could not write
// beside this one.
func (r *remote) acquire(ctx context.Context) (lock, error) {
	there, err := r.exists(ctx)
	if err != nil || !there {
		return unlocked{}, err
	}
	err = r.with(ctx, func(db *sql.DB) error {
		version, err := r.version(ctx, db)
		if err != nil || version != loneVersion {
			return err
		}
		process, err := loneTenant(ctx, db)
		if err == nil && process != "" {
			err = fmt.Errorf("%w %s", ErrLocked, process)
		}
		return err
	})
	return unlocked{}, err
}

// unlocked is the lock of a store that many processes have at once.
type unlocked struct{}

func (unlocked) release() error { return nil }

func (r *remote) holder(ctx context.Context) (processes string, held bool, err error) {
	there, err := r.exists(ctx)
	if err != nil || !there {
		return "", false, classify(err)
	}
	err = r.with(ctx, func(db *sql.DB) error {
		version, err := r.version(ctx, db)
		switch {
		case err != nil:
		case version == loneVersion:
			processes, err = loneTenant(ctx, db)
		case version > loneVersion:
			processes, err = tenants(ctx, db, r.dialect())
		}
		return err
	})
	return processes, processes != "", wrap("look who has the database", err)
}

// loneVersion is the schema with which a database server was used by one process at a time. Its one row of tenancy says by
// which.
const loneVersion = 3

// loneTenant names that process; empty if there is none.
func loneTenant(ctx context.Context, db querier) (process string, err error) {
	err = db.QueryRowContext(ctx, `SELECT process FROM tenancy WHERE holder <> '' AND expires > `+remoteDialect.now).Scan(&process)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return process, err
}

// sound refuses a database that takes no writes, such as a standby. Its files a server looks after itself, and says so when one is
// damaged.
func (r *remote) sound(ctx context.Context, db *sql.DB) error {
	var readOnly string
	if err := db.QueryRowContext(ctx, `SELECT current_setting('transaction_read_only')`).Scan(&readOnly); err != nil {
		return classify(err)
	}
	if readOnly == "on" {
		return fmt.Errorf("%w: the database is read-only, as a standby is", ErrNotWritable)
	}
	return nil
}

// version implements engine. pg_tables, unlike the standard's information_schema, shows also what we have no right to.
func (r *remote) version(ctx context.Context, db querier) (int64, error) {
	return appliedVersion(ctx, db, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN tablename = $1 THEN 1 ELSE 0 END), 0)
		FROM pg_tables WHERE schemaname = current_schema()`)
}

func (r *remote) measure(ctx context.Context, tx querier, f *Figures) error {
	f.Path = r.name
	return tx.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&f.Bytes)
}

func (r *remote) shrink(context.Context, *sql.DB) error {
	return fmt.Errorf("%w: PostgreSQL uses the space again by itself; its administrator gives it back with VACUUM FULL", ErrElsewhere)
}

// ledger implements engine: goose's own table for PostgreSQL, but for its times, which must say their zone.
func (r *remote) ledger() (database.Store, error) {
	standard, err := database.NewStore(database.DialectPostgres, versionTable)
	return zonedLedger{standard}, err
}

type zonedLedger struct{ database.Store }

// CreateVersionTable implements database.Store.
func (l zonedLedger) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	_, err := db.ExecContext(ctx, `CREATE TABLE `+versionTable+` (
		id         BIGINT      PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
		version_id BIGINT      NOT NULL,
		is_applied BOOLEAN     NOT NULL,
		tstamp     TIMESTAMPTZ NOT NULL DEFAULT now()
	)`)
	return err
}
