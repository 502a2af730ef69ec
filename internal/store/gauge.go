package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// gauge tells whether an embedded database was written to since it was last asked, by this process or another one. A node asks for some
// lists every two seconds of its life, nearly always in vain.
type gauge struct {
	db   *sql.DB
	turn chan struct{} // one token; what follows belongs to who has it

	conn *sql.Conn // nil before the first question, and after a failure
	// opened counts connections: the numbers that two of them tell cannot be compared.
	opened uint64
}

// mark is a state of the database; it is another one after each commit. The zero value is none.
type mark struct {
	opened  uint64
	version int64
}

func newGauge(db *sql.DB) *gauge {
	db.SetMaxOpenConns(1)
	return &gauge{db: db, turn: make(chan struct{}, 1)}
}

// read returns the present state. What is read afterwards is of that state or a later one.
func (g *gauge) read(ctx context.Context) (mark, error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return mark{}, ctx.Err()
	}
	defer func() { <-g.turn }()
	if g.conn == nil {
		conn, err := g.db.Conn(ctx)
		if err != nil {
			return mark{}, err
		}
		g.conn = conn
		g.opened++
	}
	now := mark{opened: g.opened}
	// It counts what other connections have committed, which are all: this one never writes.
	if err := g.conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&now.version); err != nil {
		_ = g.drop() // the question's own error counts
		return mark{}, err
	}
	return now, nil
}

// drop gives the connection up. The next question is asked on another one.
func (g *gauge) drop() error {
	conn := g.conn
	g.conn = nil
	return conn.Close()
}

// close ends the gauge, once the question under way has its answer.
func (g *gauge) close() error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	var err error
	if g.conn != nil {
		err = g.drop()
	}
	return errors.Join(err, g.db.Close())
}

// memo is what was read last, and in which state of the database.
type memo[T any] struct {
	mu sync.Mutex
	at mark
	it T
}

// ask returns what read returns, or what it returned when the database was in the state that it is in now: the same value, which nobody may
// change. Without a gauge it is read each time.
func (m *memo[T]) ask(ctx context.Context, g *gauge, read func(context.Context) (T, error)) (T, error) {
	if g == nil {
		return read(ctx)
	}
	now, err := g.read(ctx)
	if err != nil {
		var none T
		return none, err
	}
	m.mu.Lock()
	at, it := m.at, m.it
	m.mu.Unlock()
	if at == now {
		return it, nil
	}
	if it, err = read(ctx); err != nil {
		return it, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at, m.it = now, it // it may be of a later state than that; then it is read once more
	return it, nil
}
