package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Hold keeps the store this process's own until ctx ends. A claim on a shared database ends by itself if nothing is written, so
// Hold writes now and then; a lock file needs no care. It returns ErrLost if another node has taken the database over, and
// nil once ctx has ended. A database that does not answer is tried again: whether the claim was lost shows when it is back.
func (s *Store) Hold(ctx context.Context) error {
	l, remote := s.lock.(*lease)
	if !remote {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(l.ttl / renewals)
	defer tick.Stop()
	for failing := false; ; {
		err := s.writes.do(ctx, "renew the claim", func(context.Context, *sql.Tx) error { return nil })
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrLost):
			return err
		case err != nil && !failing:
			s.log.Error("The database does not take the node's claim", "error", err)
		case err == nil && failing:
			s.log.Info("The database answers again")
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// renewals is how often a claim is renewed in the time it lasts: three may fail.
const renewals = 4
