package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/walletnode/walletnode/internal/pause"
)

// lines are the store's connections for what instances agree on. Neither kind waits for the writer's turn: a slow group
// of results must not look like the death of an instance, nor delay who acts for a wallet.
type lines struct {
	leases *sql.DB // for sessions alone
	claims *sql.DB // for wallets and windows
}

const (
	// leaseLines: a renewal, and a look at the row while one is given up.
	leaseLines = 2
	// claimLines is how many wallets are claimed at once: their commits share flushes of the server's log.
	claimLines = 8
)

func openLines(at engine, writer *sql.DB) lines {
	return lines{
		leases: at.beside(writer, leaseLines, true),
		claims: at.beside(writer, claimLines, false),
	}
}

// close ends the connections that are not the writer's, both kinds at once: each farewell to a server that is gone takes its time.
func (l lines) close(writer *sql.DB) error {
	var closing sync.WaitGroup
	errs := make([]error, 2)
	for i, db := range []*sql.DB{l.leases, l.claims} {
		if db != writer {
			closing.Go(func() { errs[i] = db.Close() })
		}
	}
	closing.Wait()
	return errors.Join(errs...)
}

// A database gives up a transaction for another's sake if the two wait for each other, or, in a distributed one, for less.
const (
	// maxAttempts is how often such a transaction is tried.
	maxAttempts = 8
	// attemptPause is the longest pause before the second try; it doubles with each one.
	attemptPause = 10 * time.Millisecond
)

// errAgain is a transaction's own wish to be run again, from its beginning.
var errAgain = errors.New("the rows changed meanwhile")

// transact commits a change of its own on one of the lines. It may run more than once. If its error is not one that the
// change returned, whether it was committed is not known.
func (s *Store) transact(ctx context.Context, db *sql.DB, action string, c change) error {
	if err := s.at.learn(ctx, db); err != nil {
		return wrap(action, err)
	}
	for attempt := 0; ; attempt++ {
		err := s.once(ctx, db, c)
		if attempt+1 == maxAttempts || !yielded(err) && !errors.Is(err, errAgain) {
			return wrap(action, err)
		}
		if err := pause.For(ctx, time.Duration(s.at.dialect().draw(int64(attemptPause<<attempt)))); err != nil { // so that two do not meet again
			return wrap(action, err)
		}
	}
}

func (s *Store) once(ctx context.Context, db *sql.DB, c change) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	gathered, facts := gathering(ctx)
	if err := c(gathered, tx); err != nil {
		return rollback(tx, err)
	}
	if err := s.teller.write(ctx, tx, facts); err != nil { // last: no row that others wait for is locked after the origin's
		return rollback(tx, err)
	}
	return tx.Commit()
}
