package vault

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"

	_ "modernc.org/sqlite" // the database driver

	"github.com/walletnode/walletnode/proposal/action/signer"
)

//go:embed schema.sql
var schema string

// format is the version of schema.sql; a vault of another one is refused.
const format = 1

// ledger is the vault's database. It has one connection, so transactions follow one another.
type ledger struct {
	db *sql.DB
	// commit ends a transaction; tests put one in its place that fails.
	commit func(*sql.Tx) error

	mu     sync.Mutex
	broken error // of the last write; nil if it went well
}

// openLedger opens the database. What was committed is on the disk (synchronous=FULL), and no other process can have the
// file open (locking_mode=EXCLUSIVE).
func openLedger(ctx context.Context, path string) (*ledger, error) {
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open the vault's database: %w", err)
	}
	db.SetMaxOpenConns(1)
	l := &ledger{db: db, commit: (*sql.Tx).Commit}
	var version int
	err = db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version)
	if err == nil && version != 0 && version != format {
		err = fmt.Errorf("its format is %d, this program knows %d", version, format)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the vault's database: %w", err), db.Close())
	}
	return l, nil
}

// createLedger makes the database with a new identity.
func createLedger(ctx context.Context, path string, b box) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	l, err := openLedger(ctx, path)
	if err != nil {
		return err
	}
	err = l.write(ctx, func(tx *tx) error {
		if err := tx.exec(schema); err != nil {
			return err
		}
		return tx.newIdentity(b)
	})
	return errors.Join(err, l.close())
}

// countAnyKeys tells how many keys a database has that cannot be read for want of its master key.
func countAnyKeys(ctx context.Context, path string) (n int, err error) {
	l, err := openLedger(ctx, path)
	if err != nil {
		return 0, err
	}
	err = l.read(ctx, func(tx *tx) error {
		var tables int
		if err := tx.get(`SELECT COUNT(*) FROM sqlite_master WHERE name = 'keys'`).into(&tables); err != nil || tables == 0 {
			return err
		}
		return tx.get(`SELECT COUNT(*) FROM keys`).into(&n)
	})
	return n, errors.Join(err, l.close())
}

func (l *ledger) close() error { return l.db.Close() }

// write carries out f in one transaction, which is on the disk when it returns nil. An error of f undoes it; one of the
// database is signer.ErrStoreFailed, and then it is not known whether it is on the disk. It is not cut short when the
// caller's context ends: half a second more is better than not to know.
func (l *ledger) write(ctx context.Context, f func(*tx) error) error {
	err := l.transact(context.WithoutCancel(ctx), f)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.broken = nil
	} else if errors.Is(err, signer.ErrStoreFailed) {
		l.broken = err
	}
	return err
}

func (l *ledger) transact(ctx context.Context, f func(*tx) error) error {
	t, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return failed(err)
	}
	defer t.Rollback() //nolint:errcheck // what was not committed is not there, also after a panic; once it is, this does nothing
	if err := f(&tx{ctx, t}); err != nil {
		return err
	}
	if err := l.commit(t); err != nil {
		return failed(err)
	}
	return nil
}

// read carries out f, which only reads, on one state of the database. Who gave up waiting is told so: that is no fault of the
// disk.
func (l *ledger) read(ctx context.Context, f func(*tx) error) error {
	err := l.look(ctx, f)
	if errors.Is(err, signer.ErrStoreFailed) && ctx.Err() != nil {
		return fmt.Errorf("read the vault's database: %w", ctx.Err())
	}
	return err
}

func (l *ledger) look(ctx context.Context, f func(*tx) error) error {
	t, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return failed(err)
	}
	defer t.Rollback() //nolint:errcheck // there is nothing to undo
	return f(&tx{ctx, t})
}

// works reports whether the database can be written; after a write that failed it tries.
func (l *ledger) works(ctx context.Context) error {
	l.mu.Lock()
	broken := l.broken
	l.mu.Unlock()
	if broken == nil {
		return nil
	}
	err := l.write(ctx, func(tx *tx) error {
		return tx.exec(`INSERT INTO meta (name, value) VALUES ('probe', randomblob(?)) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, probeSize)
	})
	if err != nil {
		return err
	}
	return l.write(ctx, func(tx *tx) error { return tx.exec(`DELETE FROM meta WHERE name = 'probe'`) })
}

// probeSize is about what one round takes, in bytes.
const probeSize = 64 << 10

// failed marks an error of the database.
func failed(err error) error { return fmt.Errorf("%w: %w", signer.ErrStoreFailed, err) }

// tx is one transaction. Its errors are signer.ErrStoreFailed, but for sql.ErrNoRows.
type tx struct {
	ctx context.Context //nolint:containedctx // it lives no longer than the call that it was given to
	tx  *sql.Tx
}

func (t *tx) exec(query string, args ...any) error {
	_, err := t.tx.ExecContext(t.ctx, query, args...)
	if err != nil {
		return failed(err)
	}
	return nil
}

// row is the result of a query for one row.
type row struct{ row *sql.Row }

func (t *tx) get(query string, args ...any) row {
	return row{t.tx.QueryRowContext(t.ctx, query, args...)}
}

func (r row) into(dest ...any) error {
	err := r.row.Scan(dest...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return failed(err)
	}
	return err
}

// each calls f for every row of a query.
func (t *tx) each(query string, args []any, f func(scan func(dest ...any) error) error) error {
	rows, err := t.tx.QueryContext(t.ctx, query, args...)
	if err != nil {
		return failed(err)
	}
	defer rows.Close() //nolint:errcheck // Err tells
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return failed(err)
		}
	}
	if err := rows.Err(); err != nil {
		return failed(err)
	}
	return nil
}
