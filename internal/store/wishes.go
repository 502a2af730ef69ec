package store

import (
	"context"
	"database/sql"
	"fmt"

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
		if err := bump(ctx, tx, shared.TopicWishes); err != nil {
			return err
		}
		if d == shared.None {
			_, err := tx.ExecContext(ctx, `DELETE FROM wishes WHERE instance = $1`, instance)
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO wishes (instance, desire, since) VALUES ($1, $2, `+s.at.dialect().now+`)
			ON CONFLICT (instance) DO UPDATE SET desire = excluded.desire, since = excluded.since`, text(instance), string(d))
		return err
	})
}
