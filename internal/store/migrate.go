package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/walletnode/walletnode/internal/pause"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// versionTable is where applied migrations are noted; its name tells a store from any other database.
	versionTable = "walletnode_schema"
	// latestVersion is the schema this binary knows: the number of the last file in migrations (a test says so).
	latestVersion int64 = 9
)

// besideKey names the row of meta in which a migration says which programs may go on working beside it: those that know
// at least this version. Without the row there are none but its own. It is how an upgrade is made instance by instance:
// the first new one migrates, and the old ones write beside it until they are replaced.
const besideKey = "works_beside"

// admit refuses a schema of a later version, unless it says that this program may work beside it.
func admit(ctx context.Context, db querier, version int64) error {
	if version <= latestVersion {
		return nil
	}
	var oldest string
	err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, besideKey).Scan(&oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return newerSchema(version)
	}
	if err != nil {
		return classify(err)
	}
	if known, err := strconv.ParseInt(oldest, 10, 64); err != nil || known > latestVersion {
		return newerSchema(version)
	}
	return nil
}

// migrate brings the schema up to latestVersion, each step in a transaction of its own. A nil log is told nothing.
//
// Of several processes that do so at once the database lets one make each step. The others fail there, at the latest when
// they make a table that is there by then, and go on with what is left.
func migrate(ctx context.Context, at engine, db *sql.DB, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	for try := 1; ; try++ {
		applied, err := migrateTo(ctx, at, db, migrations, latestVersion, goose.WithSlog(log))
		for _, step := range applied {
			log.Info("Store migrated", "version", step.Source.Version, "duration", step.Duration)
		}
		if err == nil || !contended(err) || try == migrateTries {
			return wrap("migrate store", err)
		}
		if err := pause.For(ctx, migratePause); err != nil {
			return wrap("migrate store", err)
		}
	}
}

// A process that finds others at work fails once for each step at most, and once for the table in which the steps stand.
const (
	migrateTries = 2*int(latestVersion) + 2
	migratePause = 50 * time.Millisecond
)

// migrateTo makes the steps that are missing up to a version. A store that is beyond it is left as it is.
func migrateTo(ctx context.Context, at engine, db *sql.DB, steps fs.FS, version int64, options ...goose.ProviderOption) ([]*goose.MigrationResult, error) {
	files, err := fs.Sub(steps, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	ledger, err := at.ledger()
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, files,
		append([]goose.ProviderOption{goose.WithStore(ledger), goose.WithDisableGlobalRegistry(true)}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider.UpTo(ctx, version)
}
