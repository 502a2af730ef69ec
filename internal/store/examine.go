package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// binding is the chain a store belongs to, as its meta table spells it. The zero value is no chain.
type binding struct{ chainID, genesis string }

// examine looks at an existing store through a read-only connection, so that a file that is not ours to change is not
// even switched to another journal mode. A store that does not exist yet passes.
func examine(ctx context.Context, at engine, want binding) (err error) {
	if there, err := at.exists(ctx); err != nil || !there {
		return err
	}
	db, err := at.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := at.sound(ctx, db); err != nil {
		return err
	}
	version, err := at.version(ctx, db)
	if err != nil || version == 0 {
		return err
	}
	if err := admit(ctx, db, version); err != nil {
		return err
	}
	return checkBinding(ctx, db, want)
}

// appliedVersion returns the version of the schema, 0 for an empty database; ErrForeign if there are tables and none of them
// is ours. catalog counts all tables, and those that are named by its parameter.
func appliedVersion(ctx context.Context, db querier, catalog string) (int64, error) {
	var tables, ours int
	if err := db.QueryRowContext(ctx, catalog, versionTable).Scan(&tables, &ours); err != nil {
		return 0, classify(err)
	}
	if tables == 0 {
		return 0, nil
	}
	if ours == 0 {
		return 0, ErrForeign
	}
	var version int64
	err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&version)
	return version, classify(err)
}

func newerSchema(version int64) error {
	return fmt.Errorf("%w: its schema is version %d, this node knows up to %d", ErrNewerSchema, version, latestVersion)
}

// checkBinding compares the chain the store belongs to with the one the node follows.
func checkBinding(ctx context.Context, db *sql.DB, want binding) error {
	have, err := readBinding(ctx, db)
	if err != nil || have == (binding{}) || want == (binding{}) || have == want {
		return err
	}
	return fmt.Errorf("%w: it is of chain %s with genesis %s, the node follows chain %s with genesis %s",
		ErrWrongChain, have.chainID, have.genesis, want.chainID, want.genesis)
}

func readBinding(ctx context.Context, db querier) (binding, error) {
	var have binding
	err := db.QueryRowContext(ctx, `SELECT c.value, g.value FROM meta c, meta g WHERE c.name = 'chain_id' AND g.name = 'genesis'`).
		Scan(&have.chainID, &have.genesis)
	if errors.Is(err, sql.ErrNoRows) {
		return binding{}, nil
	}
	return have, classify(err)
}

// bind writes the chain into a store that has none.
func bind(ctx context.Context, db *sql.DB, to binding) error {
	if to == (binding{}) {
		return nil
	}
	_, err := db.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ('chain_id', $1), ('genesis', $2)
		ON CONFLICT (name) DO NOTHING`, to.chainID, to.genesis)
	return wrap("bind store to its chain", err)
}
