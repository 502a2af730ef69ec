package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"
)

// maxBatch bounds how many writes share one commit. At the bound the rest waits for the next one: a failure makes the
// whole batch run again one by one, and a batch of this size takes some 50 ms.
const maxBatch = 256

// change is a piece of a transaction. It may be run again after its transaction was rolled back, so it sets its
// caller's variables afresh each time. The context it is given does not end: an interrupted statement would roll
// back the writes of others that share the transaction.
type change func(ctx context.Context, tx *sql.Tx) error

// writer commits changes in groups: a commit costs a flush to disk, some milliseconds, whatever is in it, and when a window
// ends all wallets write at once. Whoever finds nobody at work takes the turn and commits for all that wait; there
// is no goroutine of its own.
type writer struct {
	db   *sql.DB
	max  int           // changes per commit
	turn chan struct{} // holds one token while a group is being committed
	// observe is told how long each transaction took; it is set before the first.
	observe func(took time.Duration)

	fence  fence // set before the first transaction; nil where the lock is kept elsewhere
	closed bool  // guarded by turn

	mu    sync.Mutex
	queue []*pending
}

// pending is a change that waits. done is closed after err was set.
type pending struct {
	change change
	done   chan struct{}
	err    error
}

func newWriter(db *sql.DB) *writer {
	return &writer{db: db, max: maxBatch, turn: make(chan struct{}, 1), observe: func(time.Duration) {}}
}

// do commits a change and returns nil once it is on disk. An error means that nothing of it was stored. ctx can end the wait
// for a turn; a change whose commit has begun is seen through, for otherwise its outcome would be unknown.
func (w *writer) do(ctx context.Context, action string, c change) error {
	if err := ctx.Err(); err != nil {
		return wrap(action, err)
	}
	p := w.enqueue(c)
	for {
		select {
		case <-p.done:
			return wrap(action, p.err)
		case w.turn <- struct{}{}:
			w.commit(context.WithoutCancel(ctx), w.take())
			<-w.turn
		case <-ctx.Done():
			if w.withdraw(p) {
				return wrap(action, ctx.Err())
			}
			<-p.done
			return wrap(action, p.err)
		}
	}
}

func (w *writer) enqueue(c change) *pending {
	p := &pending{change: c, done: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, p)
	return p
}

// take removes the next group from the queue.
func (w *writer) take() []*pending {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), w.max)
	group := w.queue[:n:n]
	w.queue = w.queue[n:]
	return group
}

// withdraw removes a change that nobody has taken yet.
func (w *writer) withdraw(p *pending) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, other := range w.queue {
		if other == p {
			w.queue = append(w.queue[:i:i], w.queue[i+1:]...)
			return true
		}
	}
	return false
}

// commit runs a group in one transaction. If any change fails, all is rolled back and each runs alone: one wallet's
// bad row must not cost another wallet its result.
func (w *writer) commit(ctx context.Context, group []*pending) {
	err := w.transact(ctx, group)
	for _, p := range group {
		p.err = err
		if err != nil && len(group) > 1 && !errors.Is(err, ErrUnknownOutcome) {
			p.err = w.transact(ctx, []*pending{p})
		}
		close(p.done)
	}
}

func (w *writer) transact(ctx context.Context, group []*pending) error {
	if len(group) == 0 {
		return nil
	}
	if w.closed {
		return ErrClosed
	}
	defer func(begun time.Time) { w.observe(time.Since(begun)) }(time.Now())
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if w.fence != nil {
		return w.transactFenced(ctx, tx, group)
	}
	if err := run(ctx, tx, group); err != nil {
		return rollback(tx, err)
	}
	return tx.Commit()
}

// transactFenced does the same as the node whose database it is, or not at all.
func (w *writer) transactFenced(ctx context.Context, tx *sql.Tx, group []*pending) error {
	if err := w.fence.enter(ctx, tx); err != nil {
		return rollback(tx, err)
	}
	if err := run(ctx, tx, group); err != nil {
		w.fence.left(false)
		return rollback(tx, err)
	}
	if err := tx.Commit(); err != nil {
		return w.fence.settle(ctx, err)
	}
	w.fence.left(true)
	return nil
}

func run(ctx context.Context, tx *sql.Tx, group []*pending) error {
	for _, p := range group {
		if err := p.change(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// rollback undoes a transaction after an error. That it fails is no news: it does so only where SQLite has undone the
// transaction already, as on a full disk.
func rollback(tx *sql.Tx, cause error) error {
	_ = tx.Rollback()
	return cause
}

// close waits for the group being committed and closes the connection. Changes that come later get ErrClosed.
func (w *writer) close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	w.closed = true
	return w.db.Close()
}
