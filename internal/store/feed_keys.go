package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/net/feed"
)

// SayFeedKey stores a public key of an instance's feed. Those that it had before, as before its disk was lost, go on to hold for what
// was signed with them.
func (s *Store) SayFeedKey(ctx context.Context, prove func() (cluster.Seal, error), instance string, key ed25519.PublicKey) error {
	if err := feed.CheckName(instance); err != nil {
		return err
	}
	return s.Feed(instance, prove).write(ctx, "store a feed's key", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		if err := bump(ctx, tx, topicFeeds); err != nil { // one change after the other
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO feed_keys (instance, public, changed) VALUES ($1, $2, `+s.nextChange()+`)
			ON CONFLICT (instance, public) DO UPDATE SET changed = excluded.changed WHERE feed_keys.changed = 0`, instance, []byte(key))
		return err
	})
}

// nextChange is an expression for a moment of the database's clock that is later than all changes of keys.
func (s *Store) nextChange() string {
	const last = `(SELECT COALESCE(MAX(k.changed), 0) + 1 FROM feed_keys k)`
	now := s.at.dialect().now
	return `CASE WHEN ` + last + ` > ` + now + ` THEN ` + last + ` ELSE ` + now + ` END`
}

// ReplaceFeedKeys says that an instance signs with one key alone from now on, while an epoch is open: its other ones are good for what it has
// signed until then, and what it tells goes on with another series of numbers, so that theirs are known. One that had been replaced and is signed
// with again, as by a disk that came back, is so no more.
func (s *Store) ReplaceFeedKeys(ctx context.Context, prove func() (cluster.Seal, error), instance string, key ed25519.PublicKey, open feed.Epoch) error {
	return s.Feed(instance, prove).write(ctx, "replace a feed's keys", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		if err := bump(ctx, tx, topicFeeds); err != nil { // one change after the other
			return err
		}
		const others = `instance = $1 AND public <> $2 AND until_epoch < 0`
		var old, back int
		err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM feed_keys WHERE `+others+`),
			(SELECT COUNT(*) FROM feed_keys WHERE instance = $1 AND public = $2 AND until_epoch >= 0)`, instance, []byte(key)).Scan(&old, &back)
		if err != nil || old+back == 0 {
			return err
		}
		var last natural
		d := s.at.dialect()
		err = tx.QueryRowContext(ctx, `INSERT INTO feed_origins (origin, last) VALUES ($1, `+nextSeries(d, `0`)+`)
			ON CONFLICT (origin) DO UPDATE SET last = `+nextSeries(d, `feed_origins.last`)+` RETURNING last`, instance).Scan(&last)
		if err != nil {
			return fmt.Errorf("begin a series of numbers: %w", err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE feed_keys SET until_epoch = $3, until_number = $4, changed = `+s.nextChange()+` WHERE `+others,
			instance, []byte(key), natural(open), last)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE feed_keys SET until_epoch = -1, until_number = -1, changed = `+s.nextChange()+`
			WHERE instance = $1 AND public = $2 AND until_epoch >= 0`, instance, []byte(key))
		return err
	})
}

// FeedKeys returns the public keys of all instances' feeds, those that are gone included.
func (r Reader) FeedKeys(ctx context.Context) (feed.Keyring, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT instance, public, until_epoch, until_number, changed FROM feed_keys ORDER BY instance, public`)
	keys, _, err := feedKeys(rows, err)
	return keys, err
}

// RecentFeedKeys returns at most so many public keys, those of the instances whose feeds were there last, and a version that grows whenever a key comes or
// is replaced. Instances come and go under new names; of one that is long gone nothing is kept that its key could verify.
func (r Reader) RecentFeedKeys(ctx context.Context, most int) (keys feed.Keyring, version uint64, _ error) {
	rows, err := r.db.QueryContext(ctx, `SELECT k.instance, k.public, k.until_epoch, k.until_number, (SELECT MAX(changed) FROM feed_keys)
		FROM feed_keys k LEFT JOIN feeds f ON f.instance = k.instance
		ORDER BY COALESCE(f.seen, -1) DESC, k.instance, k.until_epoch >= 0, k.changed DESC, k.public LIMIT CAST($1 AS BIGINT)`, most)
	return feedKeys(rows, err)
}

// feedKeys reads rows of an instance, a key with what it is good for, and a change; it returns the latest change.
func feedKeys(rows *sql.Rows, err error) (keys feed.Keyring, latest uint64, _ error) {
	type owned struct {
		instance      string
		key           [ed25519.PublicKeySize]byte
		epoch, number int64
		changed       natural
	}
	list, err := collect(rows, err, func(row scanner) (o owned, err error) {
		return o, row.Scan(&o.instance, fixed(o.key[:]), &o.epoch, &o.number, &o.changed)
	})
	keys = make(feed.Keyring, len(list))
	for _, o := range list {
		k := feed.Key{Public: o.key[:]}
		if o.epoch >= 0 {
			k.Until = &feed.Until{Epoch: feed.Epoch(o.epoch), Number: uint64(o.number)} //nolint:gosec // neither is negative then
		}
		keys[o.instance] = append(keys[o.instance], k)
		latest = max(latest, uint64(o.changed))
	}
	return keys, latest, wrap("read the feeds' keys", err)
}
