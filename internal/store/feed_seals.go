package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Seal implements pipeline.Log.
func (f *Feed) Seal(ctx context.Context, s feed.Seal) error {
	return f.write(ctx, "store a seal of the feed", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		var next sql.Null[int64]
		err := tx.QueryRowContext(ctx, `SELECT MIN(epoch) FROM feed_epochs WHERE instance = $1 AND epoch > $2`, f.instance, row.sealed).Scan(&next)
		if err != nil {
			return err
		}
		if !next.Valid || uint64(next.V) != uint64(s.Epoch) { //nolint:gosec // epochs are not negative
			return fmt.Errorf("seal of epoch %d: %w", s.Epoch, pipeline.ErrOrder)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO feed_seals (instance, epoch, seal) VALUES ($1, $2, $3)`, f.instance, natural(s.Epoch), s.Encode())
		if err != nil {
			return err
		}
		hash := s.Hash()
		_, err = tx.ExecContext(ctx, `UPDATE feed_epochs SET head = $1 WHERE instance = $2 AND epoch = $3`, hash[:], f.instance, natural(s.Epoch))
		if err != nil {
			return err
		}
		if err := f.sealSources(ctx, tx, s); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE feeds SET sealed = $1 WHERE instance = $2`, natural(s.Epoch), f.instance)
		return err
	})
}

// sealSources notes what each source has got sealed: its facts are needed here no more.
func (f *Feed) sealSources(ctx context.Context, tx *sql.Tx, s feed.Seal) error {
	rows, err := tx.QueryContext(ctx, `SELECT sources FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq < $3`,
		f.instance, natural(s.First), natural(s.First)+natural(s.Count))
	sealed := make(map[string]uint64)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var stored []byte
		if err := row.Scan(&stored); err != nil {
			return none, err
		}
		var some map[string]uint64
		if err := json.Unmarshal(stored, &some); err != nil {
			return none, unreadable(err, "sources of epoch %d of feed %s", s.Epoch, f.instance)
		}
		for source, n := range some {
			sealed[source] = max(sealed[source], n)
		}
		return none, nil
	})
	if err != nil {
		return err
	}
	for source, n := range sealed {
		_, err := tx.ExecContext(ctx, `UPDATE feed_sources SET sealed = $1 WHERE instance = $2 AND source = $3`, natural(n), f.instance, source)
		if err != nil {
			return err
		}
	}
	return nil
}

// seal reads the first seal that a condition on $2 selects; nil if there is none.
func (f *Feed) seal(ctx context.Context, db querier, condition string, epoch int64) (*feed.Seal, error) {
	var at natural
	var stored []byte
	err := db.QueryRowContext(ctx, `SELECT epoch, seal FROM feed_seals WHERE instance = $1 AND `+condition+` ORDER BY epoch LIMIT 1`, f.instance, epoch).
		Scan(&at, &stored)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	if err != nil {
		return nil, err
	}
	s, err := feed.DecodeSeal(stored)
	if err == nil && s.Epoch != feed.Epoch(at) {
		err = fmt.Errorf("it is that of epoch %d", s.Epoch)
	}
	if err != nil {
		return nil, unreadable(err, "seal of epoch %d of feed %s", at, f.instance)
	}
	return &s, nil
}

// NextSeal implements pipeline.Log.
func (f *Feed) NextSeal(ctx context.Context, after feed.Epoch) (*feed.Seal, error) {
	s, err := f.seal(ctx, f.store.db, `epoch > $2`, int64(min(after, math.MaxInt64))) //nolint:gosec // bounded
	return s, wrap("read a seal of the feed", err)
}

// FirstSeal implements pipeline.Log.
func (f *Feed) FirstSeal(ctx context.Context) (*feed.Seal, error) {
	s, err := f.seal(ctx, f.store.db, `epoch > $2`, -1)
	return s, wrap("read a seal of the feed", err)
}

// Subscriptions implements pipeline.Log; pipeline.ErrCollected of an epoch that is compressed to its head.
func (f *Feed) Subscriptions(ctx context.Context, e feed.Epoch) (*feed.Subscriptions, error) {
	var stored sql.Null[[]byte]
	err := f.store.db.QueryRowContext(ctx, `SELECT s.subscriptions FROM feed_epochs e
		LEFT JOIN feed_subscriptions s ON s.instance = e.instance AND s.hash = e.subscriptions
		WHERE e.instance = $1 AND e.epoch = $2`, f.instance, natural(e)).Scan(&stored)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = fmt.Errorf("epoch %d was never opened: %w", e, pipeline.ErrOrder)
	case err == nil && !stored.Valid:
		err = fmt.Errorf("epoch %d %w", e, pipeline.ErrCollected)
	}
	if err != nil {
		return nil, wrap("read subscriptions of the feed", err)
	}
	s, err := feed.DecodeSubscriptions(stored.V)
	if err != nil {
		return nil, wrap("read subscriptions of the feed", unreadable(err, "epoch %d", e))
	}
	return s, nil
}

// FeedHead is what is left of a sealed epoch in any case: the hash of its seal.
type FeedHead struct {
	Epoch feed.Epoch
	Seal  feed.Hash
}

// Heads reads at most limit heads of sealed epochs from one on, those that were collected included.
func (f *Feed) Heads(ctx context.Context, from feed.Epoch, limit int) ([]FeedHead, error) {
	rows, err := f.store.db.QueryContext(ctx, `SELECT epoch, head FROM feed_epochs WHERE instance = $1 AND epoch >= $2 AND length(head) > 0
		ORDER BY epoch LIMIT CAST($3 AS BIGINT)`, f.instance, min(natural(from), math.MaxInt64), limit)
	list, err := collect(rows, err, func(row scanner) (h FeedHead, err error) {
		return h, row.Scan((*natural)(&h.Epoch), fixed(h.Seal[:]))
	})
	return list, wrap("read heads of the feed", err)
}
