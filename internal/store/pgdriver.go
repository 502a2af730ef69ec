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
	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes connections for database/sql, so that both engines are spoken to through one interface. They are pgx's own,
// with what a node needs of a server that may hang, end or fail over; each statement is sent with its parameters and leaves
// nothing behind in the server's session: a pooler between the two may give the next one to another session.
type connector struct {
	config *pgx.ConnConfig
	// patience is how long one statement may take, the wait for its locks included; 0 for as long as the caller waits.
	patience time.Duration
	forms    *forms
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := stdlib.GetConnector(*c.config).Connect(ctx)
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("%w within %v of connecting", ErrNoAnswer, c.config.ConnectTimeout)
		}
		return nil, oneLine{err}
	}
	ours, ok := conn.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("pgx made a connection of type %T", conn), conn.Close())
	}
	return &link{Conn: ours, patience: c.patience, forms: c.forms}, nil
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c }

// Open implements driver.Driver. The name is not looked at: a connector knows where it connects to.
func (c connector) Open(string) (driver.Conn, error) { return c.Connect(context.Background()) }

// link is one connection. database/sql uses it from one goroutine at a time.
type link struct {
	*stdlib.Conn
	patience time.Duration
	unfit    bool // the server told that it will not serve it further
	forms    *forms
}

// ResetSession implements driver.SessionResetter. A connection that rested for more than a second is asked whether it is
// there still.
func (l *link) ResetSession(ctx context.Context) error {
	if !l.IsValid() {
		return driver.ErrBadConn
	}
	within, end := l.deadline(ctx)
	defer end()
	return l.Conn.ResetSession(within)
}

// IsValid implements driver.Validator.
func (l *link) IsValid() bool { return !l.unfit && !l.Conn.Conn().IsClosed() }

// Ping implements driver.Pinger.
func (l *link) Ping(ctx context.Context) error {
	within, end := l.deadline(ctx)
	defer end()
	return l.explain(ctx, within, l.Conn.Conn().Ping(within))
}

// farewell bounds the wait for a server's last word. There are a dozen connections, which are closed one after the other, and
// the server may be gone.
const farewell = 100 * time.Millisecond

// Close implements driver.Conn. A connection is closed also if nobody hears the farewell.
func (l *link) Close() error {
	ctx, end := context.WithTimeout(context.Background(), farewell)
	defer end()
	_ = l.Conn.Conn().Close(ctx)
	return nil
}

var errPrepared = errors.New("prepared statements are not used with PostgreSQL")

// Prepare implements driver.Conn; statements that outlive a transaction are what a pooler forgets.
func (l *link) Prepare(string) (driver.Stmt, error) { return nil, errPrepared }

// PrepareContext implements driver.ConnPrepareContext.
func (l *link) PrepareContext(context.Context, string) (driver.Stmt, error) { return nil, errPrepared }

// CheckNamedValue implements driver.NamedValueChecker: arguments become what database/sql makes of them, as with SQLite.
func (l *link) CheckNamedValue(*driver.NamedValue) error { return driver.ErrSkip }

// Begin implements driver.Conn.
func (l *link) Begin() (driver.Tx, error) {
	return l.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx. A transaction that only reads sees one moment of the database, as it does in
// SQLite; one that writes sees what others have committed, and relies on conditions and row locks.
func (l *link) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	options := pgx.TxOptions{BeginQuery: beginWriting}
	if opts.ReadOnly {
		options = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	}
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		return nil, fmt.Errorf("isolation level %v is not used", level)
	}
	within, end := l.deadline(ctx)
	defer end()
	tx, err := l.Conn.Conn().BeginTx(within, options)
	if err != nil {
		return nil, l.elsewhere(l.explain(ctx, within, err))
	}
	return transaction{l, tx, ctx}, nil
}

// ExecContext implements driver.ExecerContext.
func (l *link) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	within, end := l.deadline(ctx)
	defer end()
	run := l.Conn.ExecContext
	if hasBytes(args) {
		run = l.exec
	}
	result, err := run(within, query, args)
	return result, l.explain(ctx, within, err)
}

// QueryContext implements driver.QueryerContext. The statement's time includes that of reading its rows.
func (l *link) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	within, end := l.deadline(ctx)
	found, err := l.query(within, query, args)
	if err != nil {
		defer end()
		return nil, l.elsewhere(l.explain(ctx, within, err))
	}
	return &rows{found, end, func(err error) error { return l.explain(ctx, within, err) }}, nil
}

func (l *link) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if l.patience == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, l.patience)
}

// explain tells our own deadline from the caller's, and notes when a connection is of no more use: its server ends, or was
// made a standby, in which case another one of the hosts has to be found.
func (l *link) explain(ctx, within context.Context, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if ctx.Err() == nil && within.Err() != nil {
		return fmt.Errorf("%w for %v", ErrNoAnswer, l.patience)
	}
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (failure.Code == sqlReadOnly || strings.HasPrefix(failure.Code, sqlServerEnds)) {
		l.unfit = true
	}
	if failure == nil && ctx.Err() == nil && l.Conn.Conn().IsClosed() {
		return fmt.Errorf("%w: connection lost: %w", ErrUnreachable, err)
	}
	return err
}

// elsewhere has database/sql ask on another connection what was asked on one that is lost, as all are that rested while the
// server was replaced. It is for what changes nothing: a beginning, and a question outside of a transaction.
func (l *link) elsewhere(err error) error {
	if errors.Is(err, ErrUnreachable) && l.Conn.Conn().IsClosed() {
		return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	}
	return err
}

// transaction is a driver.Tx.
type transaction struct {
	link *link
	tx   pgx.Tx
	ctx  context.Context // that it was begun with: database/sql gives its end none
}

// Commit implements driver.Tx.
func (t transaction) Commit() error { return t.end(t.ctx, t.tx.Commit) }

// Rollback implements driver.Tx. It is the server's turn also if the caller has gone: the connection is used again.
func (t transaction) Rollback() error { return t.end(context.WithoutCancel(t.ctx), t.tx.Rollback) }

func (t transaction) end(ctx context.Context, how func(context.Context) error) error {
	within, end := t.link.deadline(ctx)
	defer end()
	return t.link.explain(ctx, within, how(within))
}

// rows is a driver.Rows.
type rows struct {
	driver.Rows
	end     context.CancelFunc
	explain func(error) error
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	defer r.end()
	return r.explain(r.Rows.Close())
}

// Next implements driver.Rows.
func (r *rows) Next(dest []driver.Value) error { return r.explain(r.Rows.Next(dest)) }

// beginWriting begins a transaction that writes. One that nobody goes on with is ended by the server in half the time of a
// usual lease: a process that froze, or was cut off, between two statements would otherwise keep its wallets' rows from those
// that take them over. The setting is the transaction's own and goes with it, so it stays in no session; nothing but the time of
// a take-over depends on it.
const beginWriting = `begin isolation level read committed; set local idle_in_transaction_session_timeout = '5s'`
