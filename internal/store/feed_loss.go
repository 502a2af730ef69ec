package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Resume has the feed of a database that was put back to an earlier state go on after a seal, which is its last one then; nil: before the
// first. What it has of epochs up to that seal counts as sealed; what it has of later ones is taken back, to be taken in again. Each mailbox
// of the instance goes on by its loss, a handover from the instance to itself, and all origins begin a series of numbers. pipeline.ErrOrder if
// the feed stands after that seal, or a mailbox not where it is said to; nothing is changed then.
func (f *Feed) Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error {
	return f.write(ctx, "go on after a loss of data", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		epoch, void := int64(-1), natural(1)
		if after != nil {
			epoch, void = int64(after.Epoch), natural(after.First)+natural(after.Count) //nolint:gosec // refused below if it does not fit
		}
		if row.sealed > epoch {
			return fmt.Errorf("a feed that is sealed up to %d: %w", row.sealed, pipeline.ErrOrder)
		}
		if err := bump(ctx, tx, topicFeeds); err != nil {
			return err
		}
		for _, h := range losses {
			if err := f.lose(ctx, tx, h); err != nil {
				return err
			}
		}
		if err := f.takeBack(ctx, tx, void); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM feed_epochs WHERE instance = $1 AND epoch > $2`, f.instance, row.sealed); err != nil {
			return err
		}
		if after != nil && row.sealed < epoch {
			if err := f.adopt(ctx, tx, *after, subs); err != nil {
				return err
			}
		}
		// The database may be one of which nothing but the feed tells that it was put back.
		if err := beginSeries(ctx, tx, f.store.at.dialect()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE feeds SET last = $1, opened = $2, sealed = $2 WHERE instance = $3`, void-1, epoch, f.instance)
		return err
	})
}

// adopt stores a seal of which the feed has nothing else.
func (f *Feed) adopt(ctx context.Context, tx *sql.Tx, s feed.Seal, subs *feed.Subscriptions) error {
	seal, hash := s.Hash(), subs.Hash()
	_, err := tx.ExecContext(ctx, `INSERT INTO feed_subscriptions (instance, hash, subscriptions) VALUES ($1, $2, $3)
		ON CONFLICT (instance, hash) DO NOTHING`, f.instance, hash[:], subs.Encode())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_epochs (instance, epoch, subscriptions, head) VALUES ($1, $2, $3, $4)`,
		f.instance, natural(s.Epoch), hash[:], seal[:])
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_seals (instance, epoch, seal) VALUES ($1, $2, $3)`, f.instance, natural(s.Epoch), s.Encode())
	return err
}

// takeBack removes the records from a number on: their sources stand before them again. Segments are of one epoch each, and so are cut
// nowhere.
func (f *Feed) takeBack(ctx context.Context, tx *sql.Tx, void natural) error {
	before := map[string]uint64{}
	rows, err := tx.QueryContext(ctx, `SELECT seq, last, records FROM feed_records WHERE instance = $1 AND last >= $2 ORDER BY seq`, f.instance, void)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var s span
		var stored []byte
		if err := row.Scan(&s.first, &s.last, &stored); err != nil {
			return none, err
		}
		if s.first < void {
			return none, fmt.Errorf("%w: records %d to %d are of two epochs", ErrCorrupt, s.first, s.last)
		}
		list, err := decodeRecords(s, stored)
		for _, rec := range list {
			if _, there := before[rec.Item.Source]; !there {
				before[rec.Item.Source] = rec.Item.Number - 1
			}
		}
		return none, f.unreadable(err, s)
	})
	if err != nil {
		return err
	}
	for source, n := range before {
		_, err := tx.ExecContext(ctx, `UPDATE feed_sources SET accepted = $1 WHERE instance = $2 AND source = $3`, natural(n), f.instance, source)
		if err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE feed_sources SET sealed = accepted WHERE instance = $1`, f.instance); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM feed_records WHERE instance = $1 AND seq >= $2`, f.instance, void)
	return err
}

// lose cuts a mailbox off where a loss says, and has it go on after the numbers that are left out.
func (f *Feed) lose(ctx context.Context, tx *sql.Tx, h feed.Handover) error {
	if !h.Loss() || h.From != f.instance || h.Goes() > math.MaxInt64 {
		return fmt.Errorf("mailbox %s: a handover from %s to %s is no loss of %s", h.Mailbox, h.From, h.To, f.instance)
	}
	box, there, err := f.mailbox(ctx, tx, h.Mailbox)
	if err == nil {
		err = box.here(h.Mailbox)
	}
	if err != nil {
		return err
	}
	var cut int
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND number <= $3 AND last > $3`,
		f.instance, h.Mailbox, natural(h.Number)).Scan(&cut)
	if err != nil {
		return err
	}
	if !there || box.last < h.Number || cut > 0 {
		return fmt.Errorf("mailbox %s ends with entry %d, and no epoch with %d: %w", h.Mailbox, box.last, h.Number, pipeline.ErrOrder)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND number > $3`, f.instance, h.Mailbox, natural(h.Number))
	if err != nil {
		return err
	}
	read := h.Goes() - h.Number + min(box.acknowledged, h.Number) // as much is unread as was
	if err := f.saveMailbox(ctx, tx, h.Mailbox, mailboxRow{last: h.Goes(), head: h.Head, gap: -1, acknowledged: read}); err != nil {
		return err
	}
	positions, err := json.Marshal(h.Positions)
	if err != nil {
		return fmt.Errorf("encode positions: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_moves (mailbox, turn, giver, taker, epoch, last, head, positions, released, taken, made)
		VALUES ($1, (SELECT COALESCE(MAX(turn), 0) + 1 FROM feed_moves WHERE mailbox = $1), $2, $3, $4, $5, $6, $7, $8, $9, `+f.store.at.dialect().now+`)`,
		h.Mailbox, h.From, h.To, natural(h.Epoch), natural(h.Number), h.Head[:], string(positions), h.Encode(), h.Encode())
	return err
}
