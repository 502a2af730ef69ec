package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/walletnode/walletnode/internal/pause"
)

const (
	// tenantTTL is how long a process that says nothing counts as running: four of its renewals (Hold). Nothing is
	// decided by it but what people are told, and what an import or a pruning waits for.
	tenantTTL = 10 * time.Second
	// tenantRest is how long the row of a process that is gone is kept. One that slept for longer begins a new row.
	tenantRest = 24 * time.Hour
)

// tenant is a process's row in a shared database, in which each of its transactions counts itself. The row says what
// became of a commit whose answer was lost. Each process has its own, so none keeps another out; which of them acts for a
// wallet is decided elsewhere (Pen).
type tenant struct {
	at  engine
	db  *sql.DB // beside the writer's connection, which may be what broke
	ttl time.Duration

	// What follows belongs to who has the writer's turn.

	name    string // random: a restarted process is another one
	commits int64  // of the row, as far as is known
	unsure  bool   // whether the last transaction was committed is not known: commits may be one more
}

// enroll begins a process's row and removes those of processes that are long gone.
func enroll(ctx context.Context, at engine, ttl time.Duration) (*tenant, error) {
	db, err := at.writer(ctx)
	if err != nil {
		return nil, err
	}
	t := &tenant{at: at, db: db, ttl: ttl, name: rand.Text()}
	now := at.dialect().now
	_, err = db.ExecContext(ctx, `DELETE FROM tenancy WHERE expires < `+now+` - $1`, tenantRest.Microseconds())
	if err == nil {
		_, err = db.ExecContext(ctx, t.insertion(), t.name, processName(), 0, t.ttl.Microseconds())
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return t, nil
}

func (t *tenant) insertion() string {
	return `INSERT INTO tenancy (holder, process, commits, expires) VALUES ($1, $2, $3, ` + t.at.dialect().now + ` + $4)`
}

// processName is for people only.
func processName() string {
	host, _ := os.Hostname()
	return text(fmt.Sprintf("%s:%d", host, os.Getpid()))
}

// tenants names the processes that have a shared database open, as far as they were heard of lately.
func tenants(ctx context.Context, db querier, d dialect) (processes string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT process FROM tenancy WHERE expires > `+d.now+` ORDER BY process`)
	names, err := collect(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	return strings.Join(names, ", "), err
}

// enter is the first statement of a transaction. A row that is not there, or has another count, is not what we left:
// a database restored from a backup forgot it, or another process is our copy. What was stored before cannot be learned
// from it any more, so a new row is begun.
func (t *tenant) enter(ctx context.Context, tx *sql.Tx) error {
	last := t.commits
	if t.unsure {
		last++
	}
	var commits int64
	err := tx.QueryRowContext(ctx, `UPDATE tenancy SET commits = commits + 1, expires = `+t.at.dialect().now+` + $1
		WHERE holder = $2 AND commits >= $3 AND commits <= $4 RETURNING commits`,
		t.ttl.Microseconds(), t.name, t.commits, last).Scan(&commits)
	if errors.Is(err, sql.ErrNoRows) {
		t.name, commits = rand.Text(), 1
		_, err = tx.ExecContext(ctx, t.insertion(), t.name, processName(), commits, t.ttl.Microseconds())
	}
	if err == nil {
		t.commits, t.unsure = commits-1, true // until the commit says more
	}
	return err
}

// left is told that a transaction that was entered was committed, or was rolled back.
func (t *tenant) left(committed bool) {
	if committed {
		t.commits++
	}
	t.unsure = false
}

// settleTries and settlePause give a database that restarts some seconds to come back.
const (
	settleTries = 5
	settlePause = time.Second
)

// settle is told why a commit failed. It returns nil if the transaction was committed after all, cause if it was not, and
// errUnknownOutcome if neither could be learned. The row is read with its lock: the server may still be at work on the
// transaction, and the answer comes after it has ended.
func (t *tenant) settle(ctx context.Context, cause error) error {
	var refused *pgconn.PgError
	if errors.As(cause, &refused) && refused.Severity != "FATAL" {
		t.left(false)
		return cause // the server's own word
	}
	for try := range settleTries {
		if try > 0 {
			if err := pause.For(ctx, settlePause); err != nil {
				break
			}
		}
		commits, err := t.committed(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && (commits < t.commits || commits > t.commits+1):
			return fmt.Errorf("%w: the database has forgotten what was stored before, too: %w", errUnknownOutcome, cause)
		case err != nil:
			continue
		}
		stored := commits > t.commits
		t.left(stored)
		if stored {
			return nil
		}
		return cause
	}
	return fmt.Errorf("%w: %w", errUnknownOutcome, cause)
}

// committed returns the row's count once no transaction of this process is under way.
func (t *tenant) committed(ctx context.Context) (commits int64, err error) {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT commits FROM tenancy WHERE holder = $1`+t.at.dialect().lock, t.name).Scan(&commits)
	return commits, rollback(tx, err)
}

// leaveTimeout is for a statement that takes a millisecond, to a database that may be gone.
const leaveTimeout = time.Second

// leave removes the row. One that cannot be removed is taken for that of a dead process in a while.
func (t *tenant) leave() error {
	ctx, end := context.WithTimeout(context.Background(), leaveTimeout) // the node that had it has ended
	defer end()
	var err error
	for range 2 { // the connection may have rested since the start, and have been broken meanwhile
		if _, err = t.db.ExecContext(ctx, `DELETE FROM tenancy WHERE holder = $1`, t.name); err == nil {
			break
		}
	}
	return errors.Join(err, t.db.Close())
}

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
