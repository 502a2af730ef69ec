package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Words implements placement.Log.
func (r Reader) Words(ctx context.Context) ([]placement.Word, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT backend, identity, state, since, issuer FROM backends ORDER BY backend`)
	words, err := collect(rows, err, func(row scanner) (w placement.Word, err error) {
		return w, row.Scan(&w.Backend, &w.Identity, (*string)(&w.State), (*micros)(&w.Since), &w.By)
	})
	return words, wrap("read signers", err)
}

// Identify implements placement.Log.
func (s *Store) Identify(ctx context.Context, backend, identity string) (recorded string, err error) {
	if identity == "" || identity != text(identity) {
		return "", errors.New("store identity of a signer: it is not a text that can be kept")
	}
	err = s.writes.do(ctx, "store identity of a signer", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO backends (backend, identity, state, since, issuer) VALUES ($1, $2, '', `+s.at.dialect().now+`, '')
			ON CONFLICT (backend) DO UPDATE SET identity = CASE WHEN backends.identity = '' THEN excluded.identity ELSE backends.identity END`,
			text(backend), identity)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT identity FROM backends WHERE backend = $1`, text(backend)).Scan(&recorded)
	})
	return recorded, err
}

// Say implements placement.Log.
func (s *Store) Say(ctx context.Context, backend string, state placement.State, by string, forget bool) error {
	if _, err := placement.ParseState(string(state)); err != nil {
		return err
	}
	return s.writes.do(ctx, "store the word about a signer", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicSigners); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO backends (backend, identity, state, since, issuer) VALUES ($1, '', $2, `+s.at.dialect().now+`, $3)
			ON CONFLICT (backend) DO UPDATE SET state = excluded.state, since = excluded.since, issuer = excluded.issuer,
				identity = CASE WHEN $4 THEN '' ELSE backends.identity END`,
			text(backend), string(state), brief(by), forget)
		return err
	})
}
