package store

import (
	"context"
	"database/sql"
	"time"
)

// Hold tells others that this process has the store open, until ctx ends; then it returns nil. A lock file needs no care; in a
// shared database a process that says nothing for a while counts as gone. That costs it nothing but the mention: what it may
// write is decided by its session and its wallets' epochs.
func (s *Store) Hold(ctx context.Context) error {
	if s.writes.tenant == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(s.writes.tenant.ttl / renewals)
	defer tick.Stop()
	for failing := false; ; {
		err := s.writes.do(ctx, "say that the node runs", func(context.Context, *sql.Tx) error { return nil })
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !failing:
			s.log.Error("The database does not answer", "error", err)
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

// renewals is how often a process is heard of in the time that it counts as running: three may fail.
const renewals = 4
