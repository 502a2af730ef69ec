package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
)

const (
	// collectedAtOnce is how many rows one transaction looks at: no writer waits longer than some ten milliseconds behind it.
	collectedAtOnce = 4096
	// maxFeedHeads is how many epochs are kept as heads: three years of windows of three hours, about 100 bytes each.
	maxFeedHeads = 1 << 13
)

// Collect implements pipeline.Log. Epochs that are collected are compressed to their heads, of which the newest 8192 are kept. Facts of
// windows before it go that every feed has sealed which did anything since; and feeds that did not are collected, too, for nobody else does it.
func (f *Feed) Collect(ctx context.Context, before feed.Epoch) error {
	gone, err := f.gone(ctx, before)
	if err != nil {
		return wrap("look for feeds that are gone", err)
	}
	for _, instance := range append(gone, f.instance) {
		c := collecting{feed: f, of: f.store.Feed(instance, nil)}
		if err := c.run(ctx, before); err != nil {
			return err
		}
	}
	return f.collectFacts(ctx, before)
}

// gone returns the other feeds that did nothing since an epoch.
func (f *Feed) gone(ctx context.Context, before feed.Epoch) ([]string, error) {
	rows, err := f.store.db.QueryContext(ctx, `SELECT instance FROM feeds WHERE instance <> $1 AND seen < $2 ORDER BY instance`, f.instance, natural(before))
	return collect(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
}

// collecting is the work of one feed on another one, or on itself.
type collecting struct {
	feed, of *Feed
	before   feed.Epoch
	seq      feed.Seq // the first record that stays
}

func (c *collecting) run(ctx context.Context, before feed.Epoch) error {
	var sealed int64
	err := c.feed.store.db.QueryRowContext(ctx, `SELECT COALESCE(MAX(sealed), -1) FROM feeds WHERE instance = $1`, c.of.instance).Scan(&sealed)
	if err != nil || sealed < 0 {
		return wrap("read how far a feed is sealed", err)
	}
	c.before = min(before, feed.Epoch(sealed))                                    // the last seal stays: the next one is linked to it
	first, err := c.of.seal(ctx, c.feed.store.db, `epoch >= $2`, int64(c.before)) //nolint:gosec // not above sealed
	if err != nil || first == nil {
		return wrap("read a seal of the feed", err)
	}
	c.seq = first.First
	for _, step := range []func(context.Context) error{c.entries, c.records, c.epochs} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// write commits a change of the feed that is collected.
func (c *collecting) write(ctx context.Context, change func(ctx context.Context, tx *sql.Tx) error) error {
	return c.feed.write(ctx, "collect the feed", func(ctx context.Context, tx *sql.Tx, _ feedRow) error { return change(ctx, tx) })
}

// entries removes what was acknowledged, mailbox by mailbox, the oldest first.
func (c *collecting) entries(ctx context.Context) error {
	rows, err := c.feed.store.db.QueryContext(ctx, `SELECT mailbox FROM feed_mailboxes WHERE instance = $1 AND acknowledged > 0 ORDER BY mailbox`, c.of.instance)
	names, err := collect(rows, err, func(row scanner) (name string, err error) { return name, row.Scan(&name) })
	if err != nil {
		return wrap("read mailboxes", err)
	}
	for _, name := range names {
		for {
			first, err := c.least(ctx, `SELECT MIN(number) FROM feed_entries WHERE instance = $1 AND mailbox = $2`, c.of.instance, name)
			if err != nil || first == 0 {
				if err != nil {
					return err
				}
				break
			}
			removed, err := c.remove(ctx, `DELETE FROM feed_entries WHERE instance = $1 AND mailbox = $2
				AND number < COALESCE((SELECT MIN(k.number) FROM feed_entries k
					WHERE k.instance = $1 AND k.mailbox = $2 AND k.number < $3 AND k.epoch >= $4), $3)
				AND number <= (SELECT acknowledged FROM feed_mailboxes m WHERE m.instance = $1 AND m.mailbox = $2)`,
				c.of.instance, name, first+collectedAtOnce, natural(c.before))
			if err != nil {
				return err
			}
			if removed == 0 {
				break
			}
		}
	}
	return nil
}

// unheld holds for records that no mailbox has.
const unheld = `NOT EXISTS (SELECT 1 FROM feed_entries e WHERE e.instance = feed_records.instance AND e.seq = feed_records.seq)`

// records removes those that no mailbox holds any more.
func (c *collecting) records(ctx context.Context) error {
	from := natural(0)
	for {
		first, err := c.least(ctx, `SELECT MIN(seq) FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq < $3 AND `+unheld,
			c.of.instance, from, natural(c.seq))
		if err != nil || first == 0 {
			return err
		}
		from = first + collectedAtOnce
		_, err = c.remove(ctx, `DELETE FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq < $3 AND `+unheld,
			c.of.instance, first, min(from, natural(c.seq)))
		if err != nil {
			return err
		}
	}
}

// epochs compresses epochs to their heads.
func (c *collecting) epochs(ctx context.Context) error {
	return c.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM feed_seals WHERE instance = $1 AND epoch < $2`,
			`DELETE FROM feed_subscriptions WHERE instance = $1
				AND hash NOT IN (SELECT e.subscriptions FROM feed_epochs e WHERE e.instance = $1 AND e.epoch >= $2)`,
		} {
			if _, err := tx.ExecContext(ctx, statement, c.of.instance, natural(c.before)); err != nil {
				return err
			}
		}
		if c.before <= maxFeedHeads {
			return nil
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM feed_epochs WHERE instance = $1 AND epoch < $2`, c.of.instance, natural(c.before)-maxFeedHeads)
		return err
	})
}

// least runs a query of one number; 0 if there is none.
func (c *collecting) least(ctx context.Context, query string, args ...any) (natural, error) {
	var n sql.Null[int64]
	err := c.feed.store.db.QueryRowContext(ctx, query, args...).Scan(&n)
	return natural(n.V), wrap("look for what to collect", err) //nolint:gosec // numbers are not negative
}

func (c *collecting) remove(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	err = c.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		rows, err = done.RowsAffected()
		return err
	})
	return rows, err
}

// sealedByAll selects how far each origin's facts are sealed by all feeds that did anything since $1.
const sealedByAll = `SELECT o.origin, MIN(COALESCE(s.sealed, 0)) FROM feed_origins o CROSS JOIN feeds f
	LEFT JOIN feed_sources s ON s.instance = f.instance AND s.source = o.origin
	WHERE f.seen >= $1 GROUP BY o.origin ORDER BY o.origin`

// collectFacts removes facts of windows before an epoch that are in the sealed epochs of all feeds. A feed that begins meanwhile waits for it, or is waited for.
func (f *Feed) collectFacts(ctx context.Context, before feed.Epoch) error {
	type origin struct {
		name   string
		sealed natural
	}
	return f.write(ctx, "remove facts that all feeds have", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		if err := bump(ctx, tx, topicFeeds); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, sealedByAll, natural(before))
		origins, err := collect(rows, err, func(row scanner) (o origin, err error) { return o, row.Scan(&o.name, &o.sealed) })
		if err != nil {
			return err
		}
		for _, o := range origins {
			// No number is left out in what stays.
			_, err := tx.ExecContext(ctx, `DELETE FROM feed_facts WHERE origin = $1 AND number <= $2
				AND number < COALESCE((SELECT MIN(k.number) FROM feed_facts k WHERE k.origin = $1 AND k.block >= $3), $2 + 1)`,
				o.name, o.sealed, height(before)*height(f.store.frequency))
			if err != nil {
				return fmt.Errorf("of %s: %w", o.name, err)
			}
		}
		return nil
	})
}
