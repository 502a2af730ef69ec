package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"

	"github.com/walletnode/walletnode/internal/shared"
)

var _ shared.Store = (*Store)(nil)

// Versions implements shared.Store.
func (s *Store) Versions(ctx context.Context) (shared.Versions, error) {
	versions, err := s.versions.ask(ctx, s.gauge, s.Reader.Versions)
	return maps.Clone(versions), wrap("look whether anything has changed", err)
}

// Versions returns the version of every topic.
func (r Reader) Versions(ctx context.Context) (shared.Versions, error) {
	type version struct {
		topic shared.Topic
		n     uint64
	}
	rows, err := r.db.QueryContext(ctx, `SELECT topic, version FROM changes`)
	all, err := collect(rows, err, func(row scanner) (v version, err error) {
		return v, row.Scan((*string)(&v.topic), &v.n)
	})
	if err != nil {
		return nil, wrap("read what has changed", err)
	}
	versions := make(shared.Versions)
	for _, topic := range shared.Topics() {
		versions[topic] = 0
	}
	for _, v := range all {
		if _, known := versions[v.topic]; known { // a later version of the program has more
			versions[v.topic] = v.n
		}
	}
	return versions, nil
}

// bump adds one to a topic's version. The row stays locked until the transaction ends, so changes of one list follow each
// other.
func bump(ctx context.Context, tx *sql.Tx, topic shared.Topic) error {
	done, err := tx.ExecContext(ctx, `UPDATE changes SET version = version + 1 WHERE topic = $1`, string(topic))
	if err != nil {
		return err
	}
	if rows, err := done.RowsAffected(); err != nil || rows == 1 {
		return err
	}
	return fmt.Errorf("%w: no version of %s", ErrCorrupt, topic)
}
