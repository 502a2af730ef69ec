package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// leaseTTL is how long a node that says nothing keeps a shared database: four of its renewals, so that a slow one costs
// nothing, and short enough for its successor to start within one window many times over.
const leaseTTL = 10 * time.Second

// now is the database's clock in microseconds. Expiry is written and compared by it alone: two machines' clocks are never
// compared. It is the time of the evaluation, not of the transaction's begin: a row lock may have been waited for since.
const now = `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`

// lease is a node's claim on a shared database, a fence: each of the node's transactions first takes the row of the claim,
// which fails once another one has it, and so renews it too. Who takes the claim over waits for the row, hence for the
// transaction under way, and the former holder's next one fails: no two nodes write in turn, whatever the clocks do. A lease
// that expired and that nobody took is still its holder's.
type lease struct {
	db     *sql.DB
	holder string // random: a restarted process is another holder
	ttl    time.Duration

	// What follows belongs to who has the writer's turn.

	commits int64 // of the row, as far as this holder knows
	unsure  bool  // whether the last transaction was committed is not known: commits may be one more
}

// tenant is who has a claim now.
type tenant struct {
	holder, process string
	commits         int64
	left            time.Duration // negative once it has expired
}

func (t tenant) lives() bool { return t.holder != "" && t.left > 0 }

func readTenant(ctx context.Context, db querier) (tenant, error) {
	var t tenant
	var left int64
	err := db.QueryRowContext(ctx, `SELECT holder, process, commits, expires - `+now+` FROM tenancy WHERE name = 'node'`).
		Scan(&t.holder, &t.process, &t.commits, &left)
	t.left = time.Duration(left) * time.Microsecond
	return t, err
}

// takeLease takes the claim if it is free. If it is not, a patient caller waits until the claim ends, for a node that was
// killed has left one behind that nobody renews, or until it is renewed: then its holder lives.
func takeLease(ctx context.Context, db *sql.DB, ttl time.Duration, patient bool) (*lease, error) {
	l := &lease{db: db, holder: rand.Text(), ttl: ttl}
	before, err := readTenant(ctx, db)
	if err != nil {
		return nil, err
	}
	if before.lives() && !patient {
		return nil, before.refusal()
	}
	for t := before; t.lives(); {
		if err := wait(ctx, min(t.left, ttl/(2*renewals))); err != nil {
			return nil, err
		}
		if t, err = readTenant(ctx, db); err != nil {
			return nil, err
		}
		if t.lives() && t.commits != before.commits {
			return nil, t.refusal()
		}
	}
	switch taken, err := l.take(ctx); {
	case err != nil:
		return nil, err
	case taken:
		return l, nil
	}
	after, err := readTenant(ctx, db) // it was renewed, or somebody else was faster
	if err != nil {
		return nil, err
	}
	return nil, after.refusal()
}

func (t tenant) refusal() error { return fmt.Errorf("%w %s", ErrLocked, t.process) }

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take writes itself into the row if nobody's claim lasts.
func (l *lease) take(ctx context.Context) (bool, error) {
	host, _ := os.Hostname() // for people only
	err := l.db.QueryRowContext(ctx, `UPDATE tenancy SET holder = $1, process = $2, commits = commits + 1, expires = `+now+` + $3
		WHERE name = 'node' AND (holder = '' OR expires <= `+now+`) RETURNING commits`,
		l.holder, text(fmt.Sprintf("%s:%d", host, os.Getpid())), l.ttl.Microseconds()).Scan(&l.commits)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// enter implements fence. The count of transactions is compared too: if this process's memory was copied (a machine
// cloned or restored with the node running), the one of the two that writes second is stopped.
func (l *lease) enter(ctx context.Context, tx *sql.Tx) error {
	last := l.commits
	if l.unsure {
		last++
	}
	var commits int64
	err := tx.QueryRowContext(ctx, `UPDATE tenancy SET commits = commits + 1, expires = `+now+` + $1
		WHERE name = 'node' AND holder = $2 AND commits >= $3 AND commits <= $4 RETURNING commits`,
		l.ttl.Microseconds(), l.holder, l.commits, last).Scan(&commits)
	if errors.Is(err, sql.ErrNoRows) {
		return l.lost(ctx)
	}
	if err == nil {
		l.commits, l.unsure = commits-1, true // until the commit says more
	}
	return err
}

// left implements fence.
func (l *lease) left(committed bool) {
	if committed {
		l.commits++
	}
	l.unsure = false
}

// lost names the node that has the database now.
func (l *lease) lost(ctx context.Context) error {
	other, err := readTenant(ctx, l.db)
	if err != nil {
		return ErrLost
	}
	return fmt.Errorf("%w by %s", ErrLost, other.process)
}

// settleTries and settlePause give a database that restarts some seconds to come back.
const (
	settleTries = 5
	settlePause = time.Second
)

// settle implements fence. The row is read with its lock: the server may still be at work on the transaction, and the
// answer comes after it has ended.
func (l *lease) settle(ctx context.Context, cause error) error {
	var refused *pgconn.PgError
	if errors.As(cause, &refused) && refused.Severity != "FATAL" {
		l.left(false)
		return cause // the server's own word
	}
	for try := range settleTries {
		if try > 0 {
			if err := wait(ctx, settlePause); err != nil {
				break
			}
		}
		commits, err := l.committed(ctx)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("%w: %w: %w", ErrUnknownOutcome, l.lost(ctx), cause)
		case err != nil:
			continue
		}
		stored := commits > l.commits
		l.left(stored)
		if stored {
			return nil
		}
		return cause
	}
	return fmt.Errorf("%w: %w", ErrUnknownOutcome, cause)
}

// committed returns the row's count once no transaction of this holder is under way.
func (l *lease) committed(ctx context.Context) (commits int64, err error) {
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT commits FROM tenancy WHERE name = 'node' AND holder = $1 FOR UPDATE`, l.holder).Scan(&commits)
	return commits, rollback(tx, err)
}

// release implements lock. A claim that cannot be given back ends by itself.
func (l *lease) release() error {
	ctx, end := context.WithTimeout(context.Background(), closeTimeout) // the node that had it has ended
	defer end()
	var err error
	for range 2 { // the connection may have rested since the start, and have been broken meanwhile
		if _, err = l.db.ExecContext(ctx, `UPDATE tenancy SET holder = '', expires = 0 WHERE name = 'node' AND holder = $1`, l.holder); err == nil {
			break
		}
	}
	return errors.Join(wrap("give the database back", err), l.db.Close())
}
