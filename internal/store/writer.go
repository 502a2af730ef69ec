package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/walletnode/walletnode/internal/cluster"
)

// maxBatch bounds how many writes share one commit. At the bound the rest waits for the next one: a failure makes the
// whole batch run again one by one, and a batch of this size takes some 50 ms.
const maxBatch = 256

// maxTries is how often a change runs that the database gave up for another's sake (a deadlock, a conflict).
const maxTries = 3

// closeGrace is how long Close waits for writes under way before it gives them up: a database that does not answer in
// this time has had as much of a shutdown as it gets.
const closeGrace = 5 * time.Second

// change is a piece of a transaction. It may be run again after its transaction was rolled back, so it sets its
// caller's variables afresh each time. The context it is given ends only if the store is closed: an interrupted statement
// would roll back the writes of others that share the transaction.
type change func(ctx context.Context, tx *sql.Tx) error

// writer commits changes in groups: a commit costs a flush to disk, some milliseconds, whatever is in it, and when a window
// ends all wallets write at once. Whoever finds nobody at work takes the turn and commits for all that wait; there
// is no goroutine of its own.
type writer struct {
	db    *sql.DB
	at    engine
	max   int           // changes per commit
	grace time.Duration // how long close waits
	turn  chan struct{} // holds one token while a group is being committed
	// observe is told how long each transaction took; it is set before the first.
	observe func(took time.Duration)

	tenant *tenant // set before the first transaction; nil of an embedded store, where a commit always answers
	teller *teller // set before the first change that tells of itself; nil if nothing is told
	closed bool    // guarded by turn

	mu      sync.Mutex
	queue   []*pending
	giveUp  context.CancelFunc // ends the transaction under way; nil if there is none
	givenUp bool               // by close: nothing is begun any more
}

// pending is a change that waits. done is closed after err was set.
type pending struct {
	change change
	fence  *cluster.Fence // what must hold for the change to be made; nil of a change that no wallet's owner need make
	done   chan struct{}
	err    error
}

func newWriter(db *sql.DB, at engine) *writer {
	return &writer{db: db, at: at, max: maxBatch, grace: closeGrace, turn: make(chan struct{}, 1), observe: func(time.Duration) {}}
}

// do commits a change and returns nil once it is on disk. An error means that nothing of it was stored. ctx can end the wait
// for a turn; a change whose commit has begun is seen through, for otherwise its outcome would be unknown.
func (w *writer) do(ctx context.Context, action string, c change) error {
	return w.await(ctx, action, &pending{change: c, done: make(chan struct{})})
}

// doFenced does the same, in a transaction in which the fence holds; otherwise cluster.ErrFenced, and nothing is stored.
func (w *writer) doFenced(ctx context.Context, action string, f cluster.Fence, c change) error {
	return w.await(ctx, action, &pending{change: c, fence: &f, done: make(chan struct{})})
}

func (w *writer) await(ctx context.Context, action string, p *pending) error {
	if err := ctx.Err(); err != nil {
		return wrap(action, err)
	}
	w.enqueue(p)
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

func (w *writer) enqueue(p *pending) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, p)
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

// commit runs a group in one transaction. If a change fails, all is rolled back and each runs alone: one wallet's bad row
// must not cost another wallet its result. If the database fails instead, all fail with it, at once: what waits would
// otherwise ask a database that is not there one by one.
func (w *writer) commit(ctx context.Context, group []*pending) {
	ctx, end := w.begin(ctx)
	defer end()
	f := w.transact(ctx, group)
	alone := f.ofChange && (len(group) > 1 || yielded(f.err))
	for _, p := range group {
		if alone && p.err == nil { // not refused by its fence
			f = w.insist(ctx, p)
			alone = f.err == nil || f.ofChange // otherwise the rest shares this one's fate
		}
		if p.err == nil {
			p.err = f.err
		}
		close(p.done)
	}
}

// insist runs one change, again if the database gave it up for another's sake.
func (w *writer) insist(ctx context.Context, p *pending) (f failure) {
	for range maxTries {
		if f = w.transact(ctx, []*pending{p}); !yielded(f.err) {
			break
		}
	}
	return f
}

// begin notes a group as under way, so that close can give it up.
func (w *writer) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.giveUp = cancel
	if w.givenUp {
		cancel()
	}
	return ctx, cancel
}

// failure is why a transaction was not committed; the zero value is none.
type failure struct {
	err error
	// ofChange says that a change or its fence failed and the database is there: others may succeed.
	ofChange bool
}

func (w *writer) transact(ctx context.Context, group []*pending) (f failure) {
	if len(group) == 0 {
		return failure{}
	}
	if w.closed || ctx.Err() != nil {
		return failure{err: ErrClosed}
	}
	defer func(begun time.Time) {
		w.observe(time.Since(begun))
		if f.err != nil && ctx.Err() != nil {
			f = failure{err: fmt.Errorf("%w meanwhile: %w", ErrClosed, f.err)}
		}
	}(time.Now())
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return failure{err: err}
	}
	if w.tenant != nil {
		if err := w.tenant.enter(ctx, tx); err != nil {
			return failure{err: rollback(tx, err)}
		}
	}
	if err := w.run(ctx, tx, group); err != nil {
		if w.tenant != nil {
			w.tenant.left(false)
		}
		return failure{err: rollback(tx, err), ofChange: true}
	}
	err = tx.Commit()
	switch {
	case w.tenant == nil:
		return failure{err: err, ofChange: err != nil}
	case err != nil:
		err = w.tenant.settle(ctx, err)
		return failure{err: err, ofChange: err != nil && !errors.Is(err, errUnknownOutcome)}
	}
	w.tenant.left(true)
	return failure{}
}

// run makes the changes of those whose fences hold; the others have their error then. What the changes tell is written after all of them.
func (w *writer) run(ctx context.Context, tx *sql.Tx, group []*pending) error {
	if err := w.refuse(ctx, tx, group); err != nil {
		return err
	}
	ctx, facts := gathering(ctx)
	for _, p := range group {
		if p.err != nil {
			continue
		}
		if err := p.change(ctx, tx); err != nil {
			return err
		}
	}
	return w.teller.write(ctx, tx, facts)
}

// refuse checks all fences of a group together: an instance that lost a thousand wallets has a thousand results to be
// told no, and the changes of others in the group go on without them.
func (w *writer) refuse(ctx context.Context, tx *sql.Tx, group []*pending) error {
	var fences []cluster.Fence
	for _, p := range group {
		if p.fence != nil {
			fences = append(fences, *p.fence)
		}
	}
	if len(fences) == 0 {
		return nil
	}
	refused, err := checkFences(ctx, tx, w.at, fences)
	if err != nil {
		return err
	}
	for _, p := range group {
		p.err = nil
		if p.fence != nil {
			p.err = refused[*p.fence]
		}
	}
	return nil
}

// rollback undoes a transaction after an error. That it fails is no news: it does so only where SQLite has undone the
// transaction already, as on a full disk, or where the connection is gone.
func rollback(tx *sql.Tx, cause error) error {
	_ = tx.Rollback()
	return cause
}

// close waits for the group being committed, for a bounded time, and closes the connection. Changes that come later get
// ErrClosed, and so do those that wait once the time is over.
func (w *writer) close() error {
	impatient := time.AfterFunc(w.grace, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.givenUp = true
		if w.giveUp != nil {
			w.giveUp()
		}
	})
	defer impatient.Stop()
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	w.closed = true
	return w.db.Close()
}
