package store

import (
	"context"
	"crypto/ed25519"
	"database/sql"

	"github.com/walletnode/walletnode/net/feed"
)

// RecentFeedKeys returns at most so many public keys: those of the instances whose feeds were there last. Instances come and go under
// new names; of one that is long gone nothing is kept that its key could verify.
func (r Reader) RecentFeedKeys(ctx context.Context, most int) (feed.Keyring, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT k.instance, k.public FROM feed_keys k LEFT JOIN feeds f ON f.instance = k.instance
		ORDER BY COALESCE(f.seen, -1) DESC, k.instance, k.public LIMIT $1`, most)
	return feedKeys(rows, err)
}

// feedKeys reads rows of an instance and a key.
func feedKeys(rows *sql.Rows, err error) (feed.Keyring, error) {
	type owned struct {
		instance string
		key      [ed25519.PublicKeySize]byte
	}
	list, err := collect(rows, err, func(row scanner) (o owned, err error) { return o, row.Scan(&o.instance, fixed(o.key[:])) })
	keys := make(feed.Keyring, len(list))
	for _, o := range list {
		keys[o.instance] = append(keys[o.instance], o.key[:])
	}
	return keys, wrap("read the feeds' keys", err)
}
