package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
)

// Wishes implements shared.Store.
func (r Reader) Wishes(ctx context.Context) ([]shared.Wish, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT instance, desire, since FROM wishes ORDER BY instance`)
	wishes, err := collect(rows, err, func(row scanner) (w shared.Wish, err error) {
		err = row.Scan(&w.Instance, (*string)(&w.Desire), (*micros)(&w.At))
		return w, err
	})
	return wishes, wrap("read wishes", err)
}

// SetWish implements shared.Store.
func (s *Store) SetWish(ctx context.Context, instance string, d shared.Desire) error {
	switch d {
	case shared.None, shared.Drain, shared.Resign:
	default:
		return fmt.Errorf("store wish: %q is none", brief(string(d)))
	}
	return s.writes.do(ctx, "store wish", func(ctx context.Context, tx *sql.Tx) error {
		if d == shared.None {
			_, err := unwish(ctx, tx, instance)
			return err
		}
		if err := bump(ctx, tx, shared.TopicWishes); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO wishes (instance, desire, since) VALUES ($1, $2, `+s.at.dialect().now+`)
			ON CONFLICT (instance) DO UPDATE SET desire = excluded.desire, since = excluded.since`, text(instance), string(d))
		return err
	})
}

// Dismiss removes what is kept of an instance whose lease is over: its row and what it is asked to do. Its wallets have no
// owner then, it delays nothing any more, and its next start is one like any other. One that lives is left as it is, and
// reported. ErrNotFound if nothing is known of the instance; ErrOwed as long as windows wait for its journal.
func (s *Store) Dismiss(ctx context.Context, instance string) (lives bool, err error) {
	err = s.transact(ctx, s.lines.leases, "remove instance", func(ctx context.Context, tx *sql.Tx) error {
		d := s.at.dialect()
		id := cluster.InstanceID(text(instance))
		// Wallets first, in one order whoever locks them, as when a session is closed.
		rows, err := tx.QueryContext(ctx, `SELECT wallet, owner, boot, epoch FROM owners WHERE owner = $1 ORDER BY wallet`+d.lock, string(id))
		if _, err := collect(rows, err, scanOwner); err != nil {
			return err
		}
		if err := lockInstance(ctx, tx, d, id); err != nil {
			return err
		}
		now, err := look(ctx, tx, d)
		if err != nil {
			return err
		}
		i, found := now.sessions[id]
		if lives = found && now.member(i).Live(); lives {
			return nil
		}
		if found && now.owed(i) {
			return fmt.Errorf("%w: %s may have sent what the database forgot", ErrOwed, id)
		}
		wished, err := unwish(ctx, tx, string(id))
		if err != nil {
			return err
		}
		if !found && !wished {
			return fmt.Errorf("%w: no instance %q", ErrNotFound, brief(instance))
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM instances WHERE instance = $1`, string(id)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE owners SET owner = '', boot = $1, epoch = epoch + 1, since = `+d.now+` WHERE owner = $2`,
			[]byte{}, string(id))
		return err
	})
	return lives, err
}

// owed reports whether windows may be in doubt until an instance has compared its journal. Whoever removed it then would have
// this operator say something else than what the instance said: claims stop waiting for it by themselves.
func (s sight) owed(i instance) bool {
	return !s.first() && !s.member(i).Reconciled && microseconds(s.now-max(i.expires, s.began)) < cluster.Mourning
}

// unwish takes back what an instance is asked to do, and reports whether there was anything.
func unwish(ctx context.Context, tx *sql.Tx, instance string) (wished bool, err error) {
	if err := bump(ctx, tx, shared.TopicWishes); err != nil {
		return false, err
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM wishes WHERE instance = $1`, instance)
	if err != nil {
		return false, err
	}
	n, err := done.RowsAffected()
	return n > 0, err
}
