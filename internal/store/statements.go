package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"modernc.org/sqlite"
)

// keptStatements is how many prepared statements a connection keeps: more than the store has texts that do not change.
const keptStatements = 256

// openFile opens an SQLite file whose connections keep their statements prepared. The driver reads a text anew each time it is used,
// which takes longer than most of the store's statements themselves; a server's driver keeps them by itself.
func openFile(dsn string) (*sql.DB, error) {
	connector, err := connectorTo(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func connectorTo(dsn string) (driver.Connector, error) {
	base, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return keeping{base}, nil
}

// keeping connects with connections that keep statements.
type keeping struct{ driver.Connector }

// Connect implements driver.Connector.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(fileConn)
	if !ok {
		return nil, fmt.Errorf("SQLite's driver has connections of another kind: %T", conn)
	}
	return &keeper{fileConn: whole, kept: make(map[string]*readied)}, nil
}

// fileConn is what database/sql uses of a connection to a file.
type fileConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeper is a connection with its statements. Like every connection it is used by one goroutine at a time.
type keeper struct {
	fileConn
	kept map[string]*readied // by text
	uses uint64
}

// readied is a prepared statement.
type readied struct {
	driver.Stmt
	busy bool   // its rows are being read
	used uint64 // when it was used last, counted in uses
}

// ExecContext implements driver.ExecerContext.
func (k *keeper) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	defer k.put(query, s)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args) //nolint:forcetypeassert // see take
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := k.take(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args) //nolint:forcetypeassert // see take
	if err != nil {
		k.put(query, s)
		return nil, err
	}
	return &lentRows{Rows: rows, end: func() { k.put(query, s) }}, nil
}

// take returns a statement that nobody uses.
func (k *keeper) take(ctx context.Context, query string) (*readied, error) {
	k.uses++
	if s := k.kept[query]; s != nil && !s.busy {
		s.busy, s.used = true, k.uses
		return s, nil
	}
	prepared, err := k.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	_, executes := prepared.(driver.StmtExecContext)
	_, queries := prepared.(driver.StmtQueryContext)
	if !executes || !queries {
		_ = prepared.Close()
		return nil, fmt.Errorf("SQLite's driver has statements of another kind: %T", prepared)
	}
	return &readied{Stmt: prepared, busy: true, used: k.uses}, nil
}

// put keeps a statement that was used, in place of the one that was not used for longest. One that another of its text has come before is closed.
func (k *keeper) put(query string, s *readied) {
	s.busy = false
	if k.kept[query] == s {
		return
	}
	if k.kept == nil || k.kept[query] != nil {
		_ = s.Close() // it has been reset, which is what can fail
		return
	}
	if len(k.kept) >= keptStatements {
		oldest := ""
		for text, other := range k.kept {
			if !other.busy && (oldest == "" || other.used < k.kept[oldest].used) {
				oldest = text
			}
		}
		if other := k.kept[oldest]; other != nil {
			delete(k.kept, oldest)
			_ = other.Close()
		}
	}
	k.kept[query] = s
}

// Close implements driver.Conn.
func (k *keeper) Close() error {
	for _, s := range k.kept {
		_ = s.Close() // the connection's own answer counts
	}
	k.kept = nil
	return k.fileConn.Close()
}

// lentRows are the rows of a statement that is kept.
type lentRows struct {
	driver.Rows
	end func() // nil once called
}

// Close implements driver.Rows.
func (r *lentRows) Close() error {
	err := r.Rows.Close()
	if r.end != nil {
		r.end()
		r.end = nil
	}
	return err
}
