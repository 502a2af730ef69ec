package store

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
)

// OpenIdle opens a store that exists and that no node runs on, for what a running node does by itself. An embedded one is
// locked until Close. ErrLocked if a node runs, and OpenReader's errors.
func OpenIdle(ctx context.Context, cfg Config, log *slog.Logger) (*Store, error) {
	if err := cfg.Retention.validate(); err != nil {
		return nil, err
	}
	at, err := parsePlace(cfg.DSN)
	if err != nil {
		return nil, err
	}
	s, err := openExisting(ctx, at, log)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", at, classify(err))
	}
	s.retention = cfg.Retention.withDefaults()
	return s, nil
}

func openExisting(ctx context.Context, at engine, log *slog.Logger) (*Store, error) {
	r, err := openReader(ctx, at) // a store that is not there is not made, an old one not migrated
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return openIdle(ctx, at, log)
}

// Shrink gives the space that holds nothing back to the file system. It needs as much free space as the store takes.
// ErrElsewhere if a database server sees to that.
func (s *Store) Shrink(ctx context.Context) error {
	s.writes.turn <- struct{}{}
	defer func() { <-s.writes.turn }()
	if s.writes.closed {
		return wrap("shrink store", ErrClosed)
	}
	return wrap("shrink store", s.at.shrink(ctx, s.writes.db))
}

// Excess is how many rows of a table are older than a retention keeps.
type Excess struct {
	Table string
	Rows  int64
}

// Excess counts what Prune would delete at height now, table by table; tables without any are left out. Evidence goes
// with its fault and is not counted.
func (r Reader) Excess(ctx context.Context, retention Retention, now chain.Height) ([]Excess, error) {
	if err := retention.validate(); err != nil {
		return nil, err
	}
	b, err := r.bounds(ctx, retention.withDefaults(), now)
	if err != nil {
		return nil, err
	}
	var list []Excess
	for _, p := range append(prunings[:len(prunings):len(prunings)], pruning{"missed", "", asEvidence}) {
		//nolint:gosec // table and condition are constants of this package
		query := `SELECT COUNT(*) FROM ` + p.table + ` WHERE block < $1 AND ` + p.condition
		if p.table == "missed" {
			query = `SELECT COUNT(*) FROM missed WHERE last_block < $1`
		}
		var rows int64
		if err := r.db.QueryRowContext(ctx, query, height(b.of(p))).Scan(&rows); err != nil {
			return nil, wrap("count old "+p.table, err)
		}
		list = addExcess(list, p.table, rows)
	}
	return list, nil
}

func addExcess(list []Excess, table string, rows int64) []Excess {
	for i := range list {
		if list[i].Table == table {
			list[i].Rows += rows
			return list
		}
	}
	if rows == 0 {
		return list
	}
	return append(list, Excess{table, rows})
}

// Running reports whether nodes run on the store, and which processes they are as far as that is known.
func Running(dsn string) (process string, running bool, err error) {
	at, err := parsePlace(dsn)
	if err != nil {
		return "", false, err
	}
	ctx, end := context.WithTimeout(context.Background(), statementPatience) // of a server; a file answers at once
	defer end()
	return at.holder(ctx)
}

// Check looks at a store as a node's start does, whether or not one runs, and changes nothing. ErrNotFound if there is
// none yet; ErrNewerSchema, ErrCorrupt, ErrForeign, ErrNetworkDisk or what a database server says if no node could start on it.
func Check(ctx context.Context, dsn string) error {
	at, err := parsePlace(dsn)
	if err != nil {
		return err
	}
	there, err := at.exists(ctx)
	if err == nil && !there {
		err = ErrNotFound
	}
	if l, embedded := at.(location); embedded && err == nil {
		err = l.onOwnDisk(networkKind)
	}
	if err == nil {
		err = examine(ctx, at, binding{})
	}
	if err != nil {
		return fmt.Errorf("check store %s: %w", at, classify(err))
	}
	return nil
}

// Newest returns the coordination block of the newest opened window, 0 if there is none.
func (r Reader) Newest(ctx context.Context) (chain.Height, error) {
	var newest height
	err := r.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(block), 0) FROM windows`).Scan(&newest)
	return chain.Height(newest), wrap("read newest window", err)
}
