package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/pressly/goose/v3/database"
	_ "modernc.org/sqlite" // the database driver
)

func (l location) String() string { return string(l) }

func (l location) acquire(ctx context.Context) (lock, error) { return l.acquireOn(ctx, networkKind) }

func (l location) acquireOn(ctx context.Context, kindOf func(dir string) (string, error)) (lock, error) {
	if err := l.prepare(); err != nil {
		return nil, err
	}
	if err := l.onOwnDisk(kindOf); err != nil {
		return nil, err
	}
	lock, err := lockFile(l) // the kernel knows which process lives: there is nothing to wait for
	if err != nil {
		return nil, err
	}
	if err := l.recover(ctx); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return lock, nil
}

// recover undoes what a process left half done that was killed while it made the file: later the write-ahead log sees to that, also
// for those who only read.
func (l location) recover(ctx context.Context) error {
	if _, err := os.Stat(string(l) + "-journal"); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := sql.Open("sqlite", l.uri(url.Values{"mode": {"rw"}, "_busy_timeout": {busyTimeout}}))
	if err != nil {
		return err
	}
	var tables int
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master`).Scan(&tables)
	return errors.Join(err, db.Close())
}

// onOwnDisk refuses a disk that is another machine's: neither the lock nor SQLite's own ones, nor the memory that its
// connections share, reach further than this one. kindOf names a network file system, "" for a disk of ours.
func (l location) onOwnDisk(kindOf func(dir string) (string, error)) error {
	kind, err := kindOf(l.directory())
	if err == nil && kind != "" {
		err = fmt.Errorf("%w: %s is on %s", ErrNetworkDisk, l.directory(), kind)
	}
	return err
}

func (location) tenancy() time.Duration { return 0 }

func (l location) holder(context.Context) (string, bool, error) { return lockHolder(l) }

func (l location) reader(context.Context) (*sql.DB, error) {
	db, err := openFile(l.readOnly())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxReaders)
	return db, nil
}

// writer opens the single connection that writes: SQLite has one writer at a time in any case.
func (l location) writer(ctx context.Context) (*sql.DB, error) {
	db, err := openFile(l.readWrite())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (l location) migrator(ctx context.Context) (*sql.DB, error) { return l.writer(ctx) }

func (l location) ledger() (database.Store, error) {
	return database.NewStore(database.DialectSQLite3, versionTable)
}

// sound reads the whole file once. It finds torn pages and foreign bytes; a clean store answers "ok".
func (l location) sound(ctx context.Context, db *sql.DB) error { return checkIntegrity(ctx, db) }

func checkIntegrity(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return classify(err)
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, strings.ReplaceAll(verdict, "\n", " "))
	}
	return nil
}

func (l location) version(ctx context.Context, db querier) (int64, error) {
	return appliedVersion(ctx, db, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN name = $1 THEN 1 ELSE 0 END), 0)
		FROM sqlite_master WHERE type = 'table'`)
}

func (l location) measure(ctx context.Context, tx querier, f *Figures) error {
	f.Path = string(l)
	err := tx.QueryRowContext(ctx, `SELECT p.page_count * s.page_size, l.freelist_count * s.page_size
		FROM pragma_page_count p, pragma_page_size s, pragma_freelist_count l`).Scan(&f.Bytes, &f.Free)
	if err != nil {
		return err
	}
	info, err := os.Stat(f.Path + "-wal")
	if err == nil {
		f.Log = info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read size of the log: %w", err)
	}
	return nil
}

func (l location) shrink(ctx context.Context, db *sql.DB) error {
	_, err := db.ExecContext(ctx, `VACUUM`)
	if err == nil {
		_, err = db.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return err
}
