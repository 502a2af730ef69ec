package sim

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"

	"github.com/walletnode/walletnode/internal/store"
)

// disk is where an operator's database is, whichever of its instances writes there.
type disk struct {
	writing chan struct{} // holds a token while nobody writes
	written atomic.Bool   // something that never changes, since somebody looked

	mu   sync.Mutex
	slow time.Duration // of each commit
	full bool
	away bool // nobody can connect, and who has is cut off
}

var (
	errFull = errors.New("database or disk is full")
	errAway = errors.New("connection refused: the database is away")
	errBusy = errors.New("database is locked")
	errLost = errors.New("connection lost: the answer to a commit did not arrive")
)

func newDisk() *disk {
	d := &disk{writing: make(chan struct{}, 1)}
	d.writing <- struct{}{}
	return d
}

// lock waits for its turn to write, as SQLite does, but in the house's time.
func (d *disk) lock(ctx context.Context) error {
	patience := time.NewTimer(5 * time.Second)
	defer patience.Stop()
	select {
	case <-d.writing:
		return nil
	case <-patience.C:
		return errBusy
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *disk) unlock() { d.writing <- struct{}{} }

func (d *disk) set(slow time.Duration, full, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow, d.full, d.away = slow, full, away
}

func (d *disk) state() (slow time.Duration, full, away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.slow, d.full, d.away
}

// reach waits while the process is paused; an error says that it cannot reach the database.
func (s spindle) reach(ctx context.Context) error {
	if err := s.of.pass(ctx); err != nil {
		return err
	}
	if _, _, away := s.disk.state(); away {
		return errAway
	}
	return nil
}

// simulated is how a process's store has its file.
func (d *disk) simulated(of *process, shared bool, origin string) *store.Simulated {
	return &store.Simulated{Shared: shared, Origin: origin, Chance: of.chance, Through: func(c driver.Connector, writes bool) driver.Connector {
		return spindle{c, d, of, writes, of.line()}
	}}
}

// spindle connects a process to its file.
type spindle struct {
	driver.Connector
	disk   *disk
	of     *process
	writes bool
	line   int // which of its kinds of connections it is
}

// wholeConn is what database/sql uses of a connection.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// Connect implements driver.Connector.
func (s spindle) Connect(ctx context.Context) (driver.Conn, error) {
	if err := s.reach(ctx); err != nil {
		return nil, err
	}
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(wholeConn)
	if !ok {
		return nil, fmt.Errorf("a connection of another kind: %T", conn)
	}
	return &cable{wholeConn: whole, spindle: s}, nil
}

// cable is a connection, which one goroutine uses at a time.
type cable struct {
	wholeConn
	spindle
	bound *deal // the transaction under way
	lasts bool  // it is about something that never changes
}

// lasting are the tables of what never changes.
var lasting = []string{"windows", "results", "own_proposals", "statements", "faults", "proofs", "signings", "keygens"}

// Close implements driver.Conn; both embedded types have one.
func (c *cable) Close() error { return c.wholeConn.Close() }

// BeginTx implements driver.ConnBeginTx. A process that is paused has not begun yet.
func (c *cable) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.of.pace("begin", c.line)
	if err := c.reach(ctx); err != nil {
		return nil, err
	}
	if c.writes {
		if err := c.disk.lock(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := c.wholeConn.BeginTx(ctx, opts)
	if err != nil {
		if c.writes {
			c.disk.unlock()
		}
		return nil, err
	}
	c.bound = &deal{Tx: tx, cable: c}
	return c.bound, nil
}

// ExecContext implements driver.ExecerContext.
func (c *cable) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.enter(ctx, query, args); err != nil {
		return nil, err
	}
	if c.writes && c.bound == nil {
		if err := c.disk.lock(ctx); err != nil {
			return nil, err
		}
		defer c.disk.unlock()
		defer c.noted()
	}
	return c.wholeConn.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (c *cable) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.enter(ctx, query, args); err != nil {
		return nil, err
	}
	return c.wholeConn.QueryContext(ctx, query, args)
}

// enter lets a statement through. Within a transaction nothing waits: a server would have ended that of a process that is stopped.
func (c *cable) enter(ctx context.Context, query string, args []driver.NamedValue) error {
	writes := !strings.HasPrefix(strings.TrimSpace(query), "SELECT")
	if writes && slices.ContainsFunc(lasting, func(table string) bool { return strings.Contains(query, table) }) {
		c.lasts = true
	}
	if c.bound == nil {
		c.of.pace(query, values(args))
		return c.reach(ctx)
	}
	c.of.diary.note(c.of.who, query, values(args))
	c.bound.wrote = c.bound.wrote || writes
	if !c.of.alive() {
		return errDead
	}
	return nil
}

// values are what a statement is about.
func values(args []driver.NamedValue) (all []any) {
	for _, a := range args {
		all = append(all, a.Value)
	}
	return all
}

// forget has an operator's database lose a table's rows, as a node would that deletes them.
func (f *firm) forget(table string) {
	life := &process{kill: func() {}}
	db := sql.OpenDB(f.disk.simulated(life, f.shared, f.origin()).Through(file(f.database()), true))
	defer func() { require.NoError(f.t, db.Close()) }()
	tx, err := db.BeginTx(context.Background(), nil)
	require.NoError(f.t, err)
	_, err = tx.ExecContext(context.Background(), "DELETE FROM "+table)
	require.NoError(f.t, err)
	require.NoError(f.t, tx.Commit())
}

// file connects to a database's file.
type file string

// Connect implements driver.Connector.
func (f file) Connect(context.Context) (driver.Conn, error) { return f.Driver().Open(string(f)) }

// Driver implements driver.Connector.
func (file) Driver() driver.Driver { return new(sqlite.Driver) }

// deal is a transaction.
type deal struct {
	driver.Tx
	cable *cable
	wrote bool
}

// Commit implements driver.Tx. What is stored while the process was paused, it hears of when it goes on.
func (d *deal) Commit() error {
	if err := d.commit(); err != nil {
		return err
	}
	return d.cable.of.pass(context.Background())
}

func (d *deal) commit() error {
	c := d.cable
	defer d.over()
	if !d.wrote {
		return d.Tx.Commit()
	}
	slow, full, _ := c.disk.state()
	if slow > 0 {
		time.Sleep(slow)
	}
	if err := c.of.at(beforeCommit); err != nil {
		return errors.Join(err, d.Tx.Rollback())
	}
	if full {
		return errors.Join(errFull, d.Tx.Rollback())
	}
	if _, _, away := c.disk.state(); away {
		return errors.Join(errAway, d.Tx.Rollback())
	}
	if err := d.Tx.Commit(); err != nil {
		return err
	}
	if err := c.of.at(afterCommit); err != nil {
		return err
	}
	if c.of.unanswered() {
		return errLost
	}
	return nil
}

// noted says that something was written which never changes, if it was.
func (c *cable) noted() {
	if c.lasts {
		c.disk.written.Store(true)
	}
	c.lasts = false
}

// over lets others write.
func (d *deal) over() {
	d.cable.bound = nil
	d.cable.noted()
	if d.cable.writes {
		d.cable.disk.unlock()
	}
}

// Rollback implements driver.Tx.
func (d *deal) Rollback() error {
	defer d.over()
	return d.Tx.Rollback()
}
