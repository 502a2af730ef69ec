package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Figures are a store's size and what it holds, at one moment.
type Figures struct {
	Path    string // of the database file, or the URL of a database without its password
	Bytes   int64  // of the database
	Free    int64  // bytes of it that hold nothing and are used again; 0 of a database server
	Log     int64  // bytes of the write-ahead log beside it; 0 of a database server
	Schema  int64  // version
	ChainID string // decimal; empty before a node's first start
	Genesis string // hash of block 0; empty before a node's first start

	Oldest, Newest  chain.Height // coordination blocks of opened windows; 0 if there are none
	Windows         int64        // opened
	Missed          int64        // ranges
	Results         int64        // one per window and wallet
	Open            int64        // results of windows that are not finished
	Statements      int64
	Faults          int64
	Attributed      int64 // faults that accuse
	Actions         int64
	Pending         int64 // actions without an outcome
	Wallets         int64 // that part is taken in
	ArchivedWallets int64

	LastBackup *Copy // nil if none was noted
}

// Copy is a backup that was made.
type Copy struct {
	File string
	At   time.Time
}

// Figures counts. It reads every table's index once: a second for a store of some gigabytes.
func (r Reader) Figures(ctx context.Context) (Figures, error) {
	var f Figures
	err := r.snapshot(ctx, func(tx *sql.Tx) error {
		return errors.Join(r.at.measure(ctx, tx, &f), f.read(ctx, tx))
	})
	if err != nil {
		return Figures{}, wrap("count", err)
	}
	return f, nil
}

func (f *Figures) read(ctx context.Context, tx *sql.Tx) error {
	err := tx.QueryRowContext(ctx, `SELECT (SELECT MAX(version_id) FROM `+versionTable+` WHERE is_applied),
		(SELECT COALESCE(MIN(block), 0) FROM windows), (SELECT COALESCE(MAX(block), 0) FROM windows),
		(SELECT COUNT(*) FROM windows), (SELECT COUNT(*) FROM missed),
		(SELECT COUNT(*) FROM results), (SELECT COUNT(*) FROM results WHERE NOT finished), (SELECT COUNT(*) FROM statements),
		(SELECT COUNT(*) FROM faults), (SELECT COUNT(*) FROM faults WHERE attributed),
		(SELECT COUNT(*) FROM actions), (SELECT COUNT(*) FROM actions WHERE NOT finished),
		(SELECT COUNT(*) FROM wallets WHERE NOT archived), (SELECT COUNT(*) FROM wallets WHERE archived)`).
		Scan(&f.Schema, (*height)(&f.Oldest), (*height)(&f.Newest), &f.Windows, &f.Missed, &f.Results, &f.Open, &f.Statements,
			&f.Faults, &f.Attributed, &f.Actions, &f.Pending, &f.Wallets, &f.ArchivedWallets)
	if err != nil {
		return err
	}
	bound, err := readBinding(ctx, tx)
	if err != nil {
		return err
	}
	f.ChainID, f.Genesis = bound.chainID, bound.genesis
	f.LastBackup, err = readBackup(ctx, tx)
	return err
}

// Names of the rows of meta that hold the last backup.
const (
	backupFile = "backup_file"
	backupTime = "backup_time" // nanoseconds of the Unix epoch
)

func readBackup(ctx context.Context, db querier) (*Copy, error) {
	var c Copy
	var at string
	err := db.QueryRowContext(ctx, `SELECT f.value, t.value FROM meta f, meta t WHERE f.name = $1 AND t.name = $2`, backupFile, backupTime).
		Scan(&c.File, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	nanoseconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: time of the last backup", ErrCorrupt)
	}
	c.At = time.Unix(0, nanoseconds).UTC()
	return &c, nil
}
