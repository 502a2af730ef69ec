package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

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
		SELECT $1, o.origin, COALESCE((SELECT MIN(number) - 1 FROM feed_facts WHERE origin = o.origin), o.last), 0 FROM feed_origins o WHERE TRUE
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

// Accept implements pipeline.Log.
func (f *Feed) Accept(ctx context.Context, records []pipeline.Accepted) error {
	rows := make([][]any, len(records))
	last := make(map[string]uint64)
	for i, r := range records {
		item := r.Record.Item
		rows[i] = []any{
			f.instance, natural(r.Record.Seq), natural(r.Record.Epoch), item.Source, natural(item.Number), r.Record.Encode(), blob(r.Payload),
		}
		last[item.Source] = max(last[item.Source], item.Number)
	}
	return f.write(ctx, "store records of the feed", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		for i, r := range records {
			if r.Record.Seq != row.last+1+feed.Seq(i) {
				return fmt.Errorf("record %d after %d: %w", r.Record.Seq, row.last+feed.Seq(i), pipeline.ErrOrder)
			}
		}
		if len(records) == 0 {
			return nil
		}
		if err := insertRows(ctx, tx, f.store.at.dialect(), `INSERT INTO feed_records (instance, seq, epoch, source, number, record, payload) VALUES `, rows); err != nil {
			return err
		}
		for source, n := range last {
			_, err := tx.ExecContext(ctx, `INSERT INTO feed_sources (instance, source, accepted, sealed) VALUES ($1, $2, $3, 0)
				ON CONFLICT (instance, source) DO UPDATE SET accepted = excluded.accepted WHERE feed_sources.accepted < excluded.accepted`,
				f.instance, source, natural(n))
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE feeds SET last = $1 WHERE instance = $2`, natural(row.last)+natural(len(records)), f.instance)
		return err
	})
}

// What one statement inserts into a server: more rows save little, and more bytes may take longer than a statement is waited for.
const (
	rowsAtOnce  = 32
	bytesAtOnce = 1 << 20
)

// insertRows inserts rows of one width.
func insertRows(ctx context.Context, tx *sql.Tx, d dialect, into string, rows [][]any) error {
	if d.prepares && len(rows) > 0 {
		return insertPrepared(ctx, tx, into, rows)
	}
	for len(rows) > 0 {
		var in conditions
		var text strings.Builder
		text.WriteString(into)
		size := 0
		for n := 0; len(rows) > 0 && n < rowsAtOnce && size < bytesAtOnce; n++ {
			if n > 0 {
				text.WriteString(", ")
			}
			for j, value := range rows[0] {
				if bytes, ok := value.([]byte); ok {
					size += len(bytes)
				}
				text.WriteString([]string{"(", ", "}[min(j, 1)])
				text.WriteString(in.placeholder(value))
			}
			text.WriteString(")")
			rows = rows[1:]
		}
		if _, err := tx.ExecContext(ctx, text.String(), in.args...); err != nil {
			return err
		}
	}
	return nil
}

// insertPrepared is for the embedded database, which takes longer to read a statement than to carry it out.
func insertPrepared(ctx context.Context, tx *sql.Tx, into string, rows [][]any) error {
	var in conditions
	marks := make([]string, len(rows[0]))
	for i := range marks {
		marks[i] = in.placeholder(nil)
	}
	statement, err := tx.PrepareContext(ctx, into+"("+strings.Join(marks, ", ")+")")
	if err != nil {
		return err
	}
	defer statement.Close() //nolint:errcheck // it goes with its transaction in any case
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

// Records implements pipeline.Log.
func (f *Feed) Records(ctx context.Context, from feed.Seq, limit int) ([]feed.Record, error) {
	rows, err := f.store.db.QueryContext(ctx, `SELECT seq, record FROM feed_records WHERE instance = $1 AND seq >= $2 ORDER BY seq LIMIT $3`,
		f.instance, natural(from), limit)
	records, err := collect(rows, err, func(row scanner) (feed.Record, error) {
		var seq natural
		var stored []byte
		if err := row.Scan(&seq, &stored); err != nil {
			return feed.Record{}, err
		}
		return f.record(seq, stored)
	})
	return records, wrap("read records of the feed", err)
}

// record decodes a record that was stored under a number.
func (f *Feed) record(seq natural, stored []byte) (feed.Record, error) {
	rec, err := feed.DecodeRecord(stored)
	if err == nil && rec.Seq != feed.Seq(seq) {
		err = fmt.Errorf("it is record %d", rec.Seq)
	}
	return rec, unreadable(err, "record %d of feed %s", seq, f.instance)
}

// Accepted implements pipeline.Log.
func (f *Feed) Accepted(ctx context.Context, from feed.Seq, limit int) ([]pipeline.Accepted, error) {
	until, err := f.store.page(ctx, false, `SELECT seq, length(payload) FROM feed_records WHERE instance = $1 AND seq >= $2 ORDER BY seq LIMIT $3`,
		f.instance, natural(from), limit)
	if err != nil {
		return nil, wrap("read records of the feed", err)
	}
	rows, err := f.store.db.QueryContext(ctx, `SELECT seq, record, payload FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq`,
		f.instance, natural(from), until)
	list, err := collect(rows, err, func(row scanner) (a pipeline.Accepted, err error) {
		var seq natural
		var stored []byte
		if err := row.Scan(&seq, &stored, &a.Payload); err != nil {
			return a, err
		}
		a.Record, err = f.record(seq, stored)
		return a, err
	})
	return list, wrap("read records of the feed", err)
}
