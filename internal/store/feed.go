package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var _ pipeline.Log = (*Feed)(nil)

// topicFeeds has no list: whoever begins a feed, moves a mailbox or removes facts locks its row.
const topicFeeds shared.Topic = "feeds"

// Feed is the log of one instance's feed. What it writes it writes in a transaction that has locked the feed's row and, where there
// are many instances, found that the instance's session lives; otherwise the error is cluster.ErrFenced, and nothing is written. Every
// feed of the store may be read by anybody.
type Feed struct {
	store    *Store
	instance string
	prove    func() (cluster.Seal, error)
	fresh    fresh
}

// Feed returns the log of an instance's feed. prove shows the instance's session; nil of an only node, and where it is only read.
func (s *Store) Feed(instance string, prove func() (cluster.Seal, error)) *Feed {
	return &Feed{store: s, instance: instance, prove: prove}
}

// feedRow is where a feed stands, in a transaction that has locked it.
type feedRow struct {
	last           feed.Seq
	opened, sealed int64 // epochs, -1 for none
}

// write commits a change of the feed.
func (f *Feed) write(ctx context.Context, action string, c func(ctx context.Context, tx *sql.Tx, row feedRow) error) error {
	var by *cluster.Seal
	switch {
	case f.prove != nil:
		seal, err := f.prove()
		if err != nil {
			return wrap(action, err)
		}
		if string(seal.Instance) != f.instance {
			return wrap(action, fmt.Errorf("%w: a session of %s writes into the feed of %s", cluster.ErrFenced, seal.Instance, f.instance))
		}
		by = &seal
	case f.store.writes.tenant != nil:
		return wrap(action, fmt.Errorf("%w: no session stands behind it", cluster.ErrFenced))
	}
	return f.store.writes.do(ctx, action, func(ctx context.Context, tx *sql.Tx) error {
		row, err := lockFeed(ctx, tx, f.store.at.dialect(), f.instance)
		if err != nil {
			return err
		}
		if by != nil { // after the lock: a session may end while it is waited for
			now, err := look(ctx, tx, f.store.at.dialect())
			if err != nil {
				return err
			}
			if _, live := now.sealed(*by); !live {
				return fmt.Errorf("%w: the session is over", cluster.ErrFenced)
			}
		}
		return c(ctx, tx, row)
	})
}

// lockFeed locks a feed's row, which is made if there is none.
func lockFeed(ctx context.Context, tx *sql.Tx, d dialect, instance string) (row feedRow, err error) {
	for range 2 {
		err = tx.QueryRowContext(ctx, `SELECT last, opened, sealed FROM feeds WHERE instance = $1`+d.lock, instance).
			Scan((*natural)(&row.last), &row.opened, &row.sealed)
		if !errors.Is(err, sql.ErrNoRows) {
			return row, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO feeds (instance, last, opened, sealed, seen) VALUES ($1, 0, -1, -1, -1)
			ON CONFLICT (instance) DO NOTHING`, instance)
		if err != nil {
			return row, err
		}
	}
	return row, errAgain
}

// State implements pipeline.Log. A feed that is new, or of an instance that was away for so long that facts were removed meanwhile,
// begins with those that are left: its sources go on after the last that is gone. Whoever only reads another instance's feed changes
// nothing of it.
func (f *Feed) State(ctx context.Context) (s pipeline.State, err error) {
	if f.prove == nil && f.store.writes.tenant != nil {
		s, err = f.others(ctx)
		return s, wrap("read a feed's state", err)
	}
	err = f.write(ctx, "read the feed's state", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		if err := f.present(ctx, tx); err != nil {
			return err
		}
		s, err = f.stand(ctx, tx, row)
		return err
	})
	if err != nil {
		return pipeline.State{}, err
	}
	return s, nil
}

// others reads where the feed of an instance that writes nothing at this moment stands.
func (f *Feed) others(ctx context.Context) (pipeline.State, error) {
	var row feedRow
	err := f.store.db.QueryRowContext(ctx, `SELECT last, opened, sealed FROM feeds WHERE instance = $1`, f.instance).
		Scan((*natural)(&row.last), &row.opened, &row.sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return pipeline.State{First: 1, Sources: map[string]uint64{}}, nil
	}
	if err != nil {
		return pipeline.State{}, err
	}
	return f.stand(ctx, f.store.db, row)
}

// stand reads where the feed stands.
func (f *Feed) stand(ctx context.Context, db querier, row feedRow) (pipeline.State, error) {
	s := pipeline.State{First: 1, Last: row.last}
	var err error
	if row.sealed >= 0 {
		if s.Sealed, err = f.seal(ctx, db, `epoch = $2`, row.sealed); err != nil {
			return s, err
		}
		if s.Sealed == nil {
			return s, fmt.Errorf("%w: the last seal of feed %s is not there", ErrCorrupt, f.instance)
		}
		s.First = s.Sealed.First + feed.Seq(s.Sealed.Count)
	}
	if s.Terms, err = f.terms(ctx, db, row.sealed); err != nil {
		return s, err
	}
	if len(s.Terms) == 0 { // nothing was opened yet, or since data was lost
		s.First = s.Last + 1
	}
	s.Sources, err = f.sources(ctx, db, `accepted`)
	return s, err
}

// present makes the feed one whose facts are kept from now on, and passes over those that are gone already.
func (f *Feed) present(ctx context.Context, tx *sql.Tx) error {
	if err := bump(ctx, tx, topicFeeds); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE feeds SET seen = (SELECT MAX(f.opened) FROM feeds f) WHERE instance = $1`, f.instance)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_sources (instance, source, accepted, sealed)
		SELECT $1, o.origin, COALESCE((SELECT MIN(number) - 1 FROM feed_facts WHERE origin = o.origin),
			(SELECT MAX(s.accepted) FROM feed_sources s WHERE s.source = o.origin), o.last), 0 FROM feed_origins o WHERE TRUE
		ON CONFLICT (instance, source) DO UPDATE SET accepted = excluded.accepted WHERE feed_sources.accepted < excluded.accepted`, f.instance)
	return err
}

// terms reads the epochs that are not sealed.
func (f *Feed) terms(ctx context.Context, db querier, sealed int64) ([]pipeline.Term, error) {
	rows, err := db.QueryContext(ctx, `SELECT e.epoch, s.subscriptions FROM feed_epochs e
		LEFT JOIN feed_subscriptions s ON s.instance = e.instance AND s.hash = e.subscriptions
		WHERE e.instance = $1 AND e.epoch > $2 ORDER BY e.epoch`, f.instance, sealed)
	return collect(rows, err, func(row scanner) (t pipeline.Term, err error) {
		var stored []byte
		if err := row.Scan((*natural)(&t.Epoch), &stored); err != nil {
			return t, err
		}
		t.Subscriptions, err = feed.DecodeSubscriptions(stored)
		return t, unreadable(err, "subscriptions of epoch %d", t.Epoch)
	})
}

// unreadable says what of the store cannot be read.
func unreadable(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: "+format+": %w", append(append([]any{ErrCorrupt}, args...), err)...)
}

// sources reads how far each source has got, by one of the two columns.
func (f *Feed) sources(ctx context.Context, db querier, column string) (map[string]uint64, error) {
	type source struct {
		name string
		n    natural
	}
	rows, err := db.QueryContext(ctx, `SELECT source, `+column+` FROM feed_sources WHERE instance = $1`, f.instance)
	list, err := collect(rows, err, func(row scanner) (s source, err error) { return s, row.Scan(&s.name, &s.n) })
	all := make(map[string]uint64, len(list))
	for _, s := range list {
		all[s.name] = uint64(s.n)
	}
	return all, err
}

// Open implements pipeline.Log.
func (f *Feed) Open(ctx context.Context, t pipeline.Term) error {
	return f.write(ctx, "open an epoch of the feed", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		if row.opened >= 0 && uint64(t.Epoch) <= uint64(row.opened) {
			return fmt.Errorf("epoch %d after %d: %w", t.Epoch, row.opened, pipeline.ErrOrder)
		}
		hash := t.Subscriptions.Hash()
		_, err := tx.ExecContext(ctx, `INSERT INTO feed_subscriptions (instance, hash, subscriptions) VALUES ($1, $2, $3)
			ON CONFLICT (instance, hash) DO NOTHING`, f.instance, hash[:], t.Subscriptions.Encode())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO feed_epochs (instance, epoch, subscriptions, head) VALUES ($1, $2, $3, $4)`,
			f.instance, natural(t.Epoch), hash[:], []byte{})
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE feeds SET opened = $1, seen = $1 WHERE instance = $2`, natural(t.Epoch), f.instance)
		return err
	})
}
