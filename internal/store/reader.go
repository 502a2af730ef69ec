package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Reader is the reading side of a store. Each method sees one moment of it; a node may be writing meanwhile.
type Reader struct {
	db *sql.DB
	at engine
}

// OpenReader opens a store for reading, whether or not a node is running on it, and without asking a chain. It never
// creates, migrates or writes a store: ErrNotFound if there is none, ErrNewerSchema or errOlderSchema if it is of another version. SQLite
// may leave an empty log and its index beside the file, which the next node takes over.
func OpenReader(ctx context.Context, dsn string) (*Reader, error) {
	at, err := parsePlace(dsn)
	if err != nil {
		return nil, err
	}
	r, err := openReader(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("read store %s: %w", at, classify(err))
	}
	return r, nil
}

func openReader(ctx context.Context, at engine) (*Reader, error) {
	there, err := at.exists(ctx)
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("%w: there is no store yet, a node makes it when it starts", ErrNotFound)
	}
	db, err := at.reader(ctx)
	if err != nil {
		return nil, err
	}
	if err := requireLatest(ctx, at, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Reader{db, at}, nil
}

// requireLatest refuses a store whose tables are not those of this version's queries.
func requireLatest(ctx context.Context, at engine, db *sql.DB) error {
	version, err := at.version(ctx, db)
	switch {
	case err != nil:
		return err
	case version < latestVersion:
		return fmt.Errorf("%w: start the node once, which migrates it", errOlderSchema)
	}
	return admit(ctx, db, version)
}

// Close ends reading.
func (r Reader) Close() error { return r.db.Close() }

// snapshot runs several queries on one moment of the store.
func (r Reader) snapshot(ctx context.Context, read func(tx *sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(read(tx), tx.Rollback())
}
