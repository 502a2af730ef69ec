package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// versionTable is where applied migrations are noted; its name tells a store from any other database.
	versionTable = "walletnode_schema"
	// latestVersion is the schema this binary knows: the number of the last file in migrations (a test says so).
	latestVersion int64 = 4
)

// migrate brings the schema up to latestVersion, each step in a transaction of its own. A nil log is told nothing.
func migrate(ctx context.Context, at engine, db *sql.DB, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	ledger, err := at.ledger()
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, db, files,
		goose.WithStore(ledger), goose.WithDisableGlobalRegistry(true), goose.WithSlog(log))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return wrap("migrate store", err)
	}
	for _, step := range applied {
		log.Info("Store migrated", "version", step.Source.Version, "duration", step.Duration)
	}
	return nil
}
