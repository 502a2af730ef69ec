package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connector makes pgx connections for database/sql, so that both engines are spoken to through one interface. Each
// statement is sent with its parameters and leaves nothing behind in the server's session: a pooler between the two may give
// the next one to another session.
type connector struct {
	config *pgx.ConnConfig
	// patience is how long one statement may take, the wait for its locks included; 0 for as long as the caller waits.
	patience time.Duration
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, c.config)
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("%w within %v of connecting", ErrNoAnswer, c.config.ConnectTimeout)
		}
		return nil, oneLine{err}
	}
	return &session{conn: conn, patience: c.patience, used: time.Now()}, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c }

// Open implements driver.Driver. The name is not looked at: a connector knows where it connects to.
func (c connector) Open(string) (driver.Conn, error) { return c.Connect(context.Background()) }

// session is one connection. database/sql uses it from one goroutine at a time.
type session struct {
	conn     *pgx.Conn
	patience time.Duration
	used     time.Time // when the last use of it began
	unfit    bool      // the server told that it will not serve it further
}

// idleTrust is how long an unused connection is believed to be there still; one that rested longer is asked first.
const idleTrust = time.Second

// ResetSession implements driver.SessionResetter.
func (s *session) ResetSession(ctx context.Context) error {
	if !s.IsValid() {
		return driver.ErrBadConn
	}
	rested := time.Since(s.used)
	s.used = time.Now()
	if rested > idleTrust && s.Ping(ctx) != nil {
		return driver.ErrBadConn
	}
	return nil
}

// IsValid implements driver.Validator.
func (s *session) IsValid() bool { return !s.unfit && !s.conn.IsClosed() }

// Ping implements driver.Pinger.
func (s *session) Ping(ctx context.Context) error {
	within, end := s.deadline(ctx)
	defer end()
	return s.explain(ctx, within, s.conn.Ping(within))
}

// closeTimeout bounds the farewell to a server that may be gone.
const closeTimeout = time.Second

// Close implements driver.Conn.
func (s *session) Close() error {
	ctx, end := context.WithTimeout(context.Background(), closeTimeout)
	defer end()
	return s.conn.Close(ctx)
}

// Prepare implements driver.Conn; statements that outlive a transaction are what this driver avoids.
func (s *session) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("prepared statements are not used with PostgreSQL")
}

// Begin implements driver.Conn.
func (s *session) Begin() (driver.Tx, error) {
	return s.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx. A transaction that only reads sees one moment of the database, as it does in
// SQLite; one that writes sees what others have committed, and relies on conditions and row locks.
func (s *session) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted}
	if opts.ReadOnly {
		options = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	}
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		return nil, fmt.Errorf("isolation level %v is not used", level)
	}
	within, end := s.deadline(ctx)
	defer end()
	tx, err := s.conn.BeginTx(within, options)
	if err != nil {
		return nil, s.explain(ctx, within, err)
	}
	return transaction{s, tx}, nil
}

// ExecContext implements driver.ExecerContext.
func (s *session) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	within, end := s.deadline(ctx)
	defer end()
	tag, err := s.conn.Exec(within, query, values(args)...)
	if err != nil {
		return nil, s.explain(ctx, within, err)
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

// QueryContext implements driver.QueryerContext. The statement's time includes that of reading its rows.
func (s *session) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	within, end := s.deadline(ctx)
	found, err := s.conn.Query(within, query, values(args)...)
	if err != nil {
		defer end()
		return nil, s.explain(ctx, within, err)
	}
	return &rows{found, end, func(err error) error { return s.explain(ctx, within, err) }}, nil
}

func (s *session) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.patience)
}

// explain tells our own deadline from the caller's, and notes when a connection is of no more use: its server ends, or was
// made a standby, in which case another one of the hosts has to be found.
func (s *session) explain(ctx, within context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && within.Err() != nil {
		return fmt.Errorf("%w for %v", ErrNoAnswer, s.patience)
	}
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (failure.Code == sqlReadOnly || strings.HasPrefix(failure.Code, sqlServerEnds)) {
		s.unfit = true
	}
	if failure == nil && ctx.Err() == nil && s.conn.IsClosed() {
		return fmt.Errorf("%w: connection lost: %w", ErrUnreachable, err)
	}
	return err
}

func values(args []driver.NamedValue) []any {
	list := make([]any, len(args))
	for i, arg := range args {
		list[i] = arg.Value
	}
	return list
}

// transaction is a driver.Tx.
type transaction struct {
	session *session
	tx      pgx.Tx
}

// Commit implements driver.Tx.
func (t transaction) Commit() error { return t.end(t.tx.Commit) }

// Rollback implements driver.Tx.
func (t transaction) Rollback() error { return t.end(t.tx.Rollback) }

func (t transaction) end(how func(context.Context) error) error {
	ctx := context.Background() // database/sql gives none: a transaction ends also if its caller has gone
	within, end := t.session.deadline(ctx)
	defer end()
	return t.session.explain(ctx, within, how(within))
}

// rows is a driver.Rows.
type rows struct {
	found   pgx.Rows
	end     context.CancelFunc
	explain func(error) error
}

// Columns implements driver.Rows.
func (r *rows) Columns() []string {
	fields := r.found.FieldDescriptions()
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return names
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	defer r.end()
	r.found.Close()
	return r.explain(r.found.Err())
}

// Next implements driver.Rows.
func (r *rows) Next(dest []driver.Value) error {
	if !r.found.Next() {
		if err := r.found.Err(); err != nil {
			return r.explain(err)
		}
		return io.EOF
	}
	read, err := r.found.Values()
	if err != nil {
		return r.explain(err)
	}
	for i, value := range read {
		if dest[i], err = driverValue(value); err != nil {
			return err
		}
	}
	return nil
}

// driverValue makes one of database/sql's few types of what pgx decoded.
func driverValue(value any) (driver.Value, error) {
	switch v := value.(type) {
	case int32:
		return int64(v), nil
	case int16:
		return int64(v), nil
	default:
		if !driver.IsValue(v) {
			return nil, fmt.Errorf("a column of type %T is not read", v)
		}
		return v, nil
	}
}
