package store

import (
	"context"
	"database/sql"

	"github.com/walletnode/walletnode/internal/shared"
)

// Verdicts implements shared.Store.
func (r Reader) Verdicts(ctx context.Context) ([]shared.Verdict, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT instance, endpoint, status, detail, began FROM verdicts ORDER BY endpoint, instance`)
	verdicts, err := collect(rows, err, func(row scanner) (v shared.Verdict, err error) {
		err = row.Scan(&v.Instance, &v.Endpoint, &v.Status, &v.Detail, (*micros)(&v.At))
		return v, err
	})
	return verdicts, wrap("read verdicts", err)
}

// SetVerdicts implements shared.Store.
func (s *Store) SetVerdicts(ctx context.Context, instance string, list []shared.Verdict) error {
	return s.writes.do(ctx, "store verdicts", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, shared.TopicVerdicts); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM verdicts WHERE instance = $1`, instance); err != nil {
			return err
		}
		for _, v := range list {
			_, err := tx.ExecContext(ctx, `INSERT INTO verdicts (instance, endpoint, status, detail, began) VALUES ($1, $2, $3, $4, $5)`,
				instance, text(v.Endpoint), brief(v.Status), brief(v.Detail), sinceEpoch(v.At))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
