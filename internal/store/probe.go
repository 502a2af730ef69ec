package store

import (
	"context"
	"database/sql"
)

// Probe begins and ends a transaction that writes nothing: nil says that the store can be written to, as far as that
// shows without wearing the disk. It ends with ctx at the latest, even if the disk hangs or another process keeps the
// store to itself.
func (s *Store) Probe(ctx context.Context) error {
	return wrap("try the store", s.writes.probe(ctx))
}

// probe is do for a change whose outcome nobody needs to know. So the group it is committed with, which cannot be given
// up, has a goroutine of its own; the turn keeps it to one, and close waits for it.
func (w *writer) probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p := &pending{change: func(context.Context, *sql.Tx) error { return nil }, done: make(chan struct{})}
	w.enqueue(p)
	for {
		select {
		case <-p.done:
			return p.err
		case w.turn <- struct{}{}:
			go func() {
				w.commit(context.WithoutCancel(ctx), w.take())
				<-w.turn
			}()
		case <-ctx.Done():
			w.withdraw(p)
			return ctx.Err()
		}
	}
}
