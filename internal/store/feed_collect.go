package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
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
	// Who may not write is told so, also if there is nothing to collect.
	if err := f.write(ctx, "collect the feed", func(context.Context, *sql.Tx, feedRow) error { return nil }); err != nil {
		return err
	}
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
			done, err := c.acknowledged(ctx, c.feed.store.db, name)
			if err != nil {
				return wrap("look for what to collect", err)
			}
			if done.whole.empty() && done.cut.empty() {
				break
			}
			err = c.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
				if done, err = c.acknowledged(ctx, tx, name); err != nil {
					return err
				}
				return c.removeEntries(ctx, tx, name, done)
			})
			if err != nil {
				return err
			}
			if !done.more {
				break
			}
		}
	}
	return nil
}

// read is what may go of a mailbox's oldest segments.
type read struct {
	whole span        // segments that begin in it
	cut   span        // a segment after them of which a part may go
	until feed.Number // up to this one
	more  bool        // there may be some after it
}

// acknowledged looks at a mailbox's oldest segments.
func (c *collecting) acknowledged(ctx context.Context, db querier, mailbox string) (done read, err error) {
	m, _, err := c.of.mailbox(ctx, db, mailbox)
	if err != nil {
		return done, err
	}
	rows, err := db.QueryContext(ctx, `SELECT number, last FROM feed_entries WHERE instance = $1 AND mailbox = $2
		AND number <= $3 AND number < COALESCE((SELECT MIN(k.number) FROM feed_entries k WHERE k.instance = $1 AND k.mailbox = $2 AND k.epoch >= $4), $3 + 1)
		ORDER BY number LIMIT CAST($5 AS BIGINT)`, c.of.instance, mailbox, natural(m.acknowledged), natural(c.before), collectedAtOnce)
	list, err := collect(rows, err, func(row scanner) (s span, err error) { return s, row.Scan(&s.first, &s.last) })
	if err != nil {
		return done, err
	}
	entries := natural(0)
	for _, s := range list {
		if s.last > natural(m.acknowledged) {
			done.cut, done.until = s, m.acknowledged
			break
		}
		if done.whole.first == 0 {
			done.whole.first = s.first
		}
		done.whole.last = s.last
		if entries += s.last - s.first + 1; entries >= collectedAtOnce {
			done.more = true
			break
		}
	}
	return done, nil
}

func (c *collecting) removeEntries(ctx context.Context, tx *sql.Tx, mailbox string, done read) error {
	const remove = `DELETE FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND number >= $3 AND number <= $4`
	if !done.whole.empty() {
		if _, err := tx.ExecContext(ctx, remove, c.of.instance, mailbox, done.whole.first, done.whole.last); err != nil {
			return err
		}
	}
	if done.cut.empty() {
		return nil
	}
	list, err := c.of.entries(ctx, tx, mailbox, span{done.cut.first, done.cut.first})
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, remove, c.of.instance, mailbox, done.cut.first, done.cut.first); err != nil {
		return err
	}
	for len(list) > 0 && list[0].Number <= done.until {
		list = list[1:]
	}
	return c.of.insertEntries(ctx, tx, list)
}

// records removes those that no mailbox holds any more.
func (c *collecting) records(ctx context.Context) error {
	for from := natural(1); ; {
		some, err := c.unheld(ctx, c.feed.store.db, from)
		if err != nil {
			return wrap("look for what to collect", err)
		}
		if some.at.empty() {
			return nil
		}
		if len(some.gone)+len(some.cut) > 0 {
			err := c.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
				if some, err = c.unheld(ctx, tx, from); err != nil {
					return err
				}
				return c.removeRecords(ctx, tx, some)
			})
			if err != nil {
				return err
			}
		}
		if some.at.empty() { // another one has collected it meanwhile
			return nil
		}
		from = some.at.last + 1
	}
}

// unheld is what may go of some segments of records.
type unheld struct {
	at   span       // all that was looked at
	gone []span     // segments that begin in them go as a whole
	cut  []natural  // a part goes of segments that begin with them
	held []feed.Seq // what stays, ascending
}

// unheld looks at segments from a record on.
func (c *collecting) unheld(ctx context.Context, db querier, from natural) (some unheld, err error) {
	type segment struct {
		span
		count int
	}
	rows, err := db.QueryContext(ctx, `SELECT seq, last, count FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq < $3
		ORDER BY seq LIMIT CAST($4 AS BIGINT)`, c.of.instance, from, natural(c.seq), collectedAtOnce)
	list, err := collect(rows, err, func(row scanner) (s segment, err error) { return s, row.Scan(&s.first, &s.last, &s.count) })
	if err != nil || len(list) == 0 {
		return some, err
	}
	records := 0
	for i, s := range list {
		if records += s.count; records >= collectedAtOnce {
			list = list[:i+1]
			break
		}
	}
	some.at = span{list[0].first, list[len(list)-1].last}
	if some.held, err = c.held(ctx, db, some.at); err != nil {
		return some, err
	}
	before := false // whether the segment before this one goes, too
	for at, i := 0, 0; i < len(list); i++ {
		s, from := list[i], at
		for at < len(some.held) && natural(some.held[at]) <= s.last {
			at++
		}
		switch n := at - from; {
		case n == 0 && before:
			some.gone[len(some.gone)-1].last = s.first
		case n == 0:
			some.gone = append(some.gone, span{s.first, s.first})
		case n < s.count:
			some.cut = append(some.cut, s.first)
		}
		before = at == from
	}
	return some, nil
}

func (c *collecting) removeRecords(ctx context.Context, tx *sql.Tx, some unheld) error {
	remove := func(at span) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq <= $3`, c.of.instance, at.first, at.last)
		return err
	}
	for _, at := range some.gone {
		if err := remove(at); err != nil {
			return err
		}
	}
	for _, first := range some.cut {
		at := span{first, first}
		list, err := c.of.accepted(ctx, tx, at)
		if err != nil {
			return err
		}
		if err := remove(at); err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(a pipeline.Accepted) bool {
			_, stays := slices.BinarySearch(some.held, a.Record.Seq)
			return !stays
		})
		if len(list) == 0 {
			continue
		}
		if err := c.of.insertRecords(ctx, tx, list); err != nil {
			return err
		}
	}
	return nil
}

// held returns the records of a range that mailboxes hold, ascending and each once.
func (c *collecting) held(ctx context.Context, db querier, at span) (list []feed.Seq, err error) {
	rows, err := db.QueryContext(ctx, `SELECT seqs FROM feed_entries WHERE instance = $1 AND least <= $2 AND greatest >= $3`, c.of.instance, at.last, at.first)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		seqs, err := scanSeqs(row)
		for _, seq := range seqs {
			if natural(seq) >= at.first && natural(seq) <= at.last {
				list = append(list, seq)
			}
		}
		return none, unreadable(err, "what mailboxes of %s hold", c.of.instance)
	})
	slices.Sort(list)
	return slices.Compact(list), err
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

// sealedByAll selects how far each origin's facts are sealed by all feeds that did anything since $1.
const sealedByAll = `SELECT o.origin, MIN(COALESCE(s.sealed, 0)) FROM feed_origins o CROSS JOIN feeds f
	LEFT JOIN feed_sources s ON s.instance = f.instance AND s.source = o.origin
	WHERE f.seen >= $1 GROUP BY o.origin ORDER BY o.origin`

// collectFacts removes facts of windows before an epoch that are in the sealed epochs of all feeds, so many at a time. A feed that begins
// meanwhile waits for it, or is waited for.
func (f *Feed) collectFacts(ctx context.Context, before feed.Epoch) error {
	for {
		origins, err := f.droppable(ctx, f.store.db, before)
		if err != nil {
			return wrap("look for facts that all feeds have", err)
		}
		if len(origins) == 0 {
			return nil
		}
		err = f.write(ctx, "remove facts that all feeds have", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
			if err := bump(ctx, tx, topicFeeds); err != nil {
				return err
			}
			if origins, err = f.droppable(ctx, tx, before); err != nil {
				return err
			}
			for origin, at := range origins {
				_, err := tx.ExecContext(ctx, `DELETE FROM feed_facts WHERE origin = $1 AND number >= $2 AND number <= $3`, origin, at.first, at.last)
				if err != nil {
					return fmt.Errorf("of %s: %w", origin, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// droppable looks at the oldest segments of each origin, and returns which of them nobody needs. No number is left out in what stays.
func (f *Feed) droppable(ctx context.Context, db querier, before feed.Epoch) (map[string]span, error) {
	type origin struct {
		name   string
		sealed natural
	}
	rows, err := db.QueryContext(ctx, sealedByAll, natural(before))
	origins, err := collect(rows, err, func(row scanner) (o origin, err error) { return o, row.Scan(&o.name, &o.sealed) })
	if err != nil {
		return nil, err
	}
	oldest := height(before) * height(frequency) // the first window that stays
	found := make(map[string]span)
	for _, o := range origins {
		at, err := f.oldestFacts(ctx, db, o.name, o.sealed, oldest)
		if err != nil {
			return nil, fmt.Errorf("of %s: %w", o.name, err)
		}
		if !at.empty() {
			found[o.name] = at
		}
	}
	return found, nil
}

// oldestFacts returns the oldest segments of an origin that are sealed and of windows before one: those of several thousand numbers, without reading them
// row by row here.
func (f *Feed) oldestFacts(ctx context.Context, db querier, origin string, sealed natural, oldest height) (at span, err error) {
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MIN(number), 0) FROM feed_facts WHERE origin = $1`, origin).Scan(&at.first)
	if err != nil || at.first == 0 || at.first > sealed {
		return span{}, err
	}
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(number), 0) FROM feed_facts WHERE origin = $1 AND number >= $2 AND number < $3 AND last <= $4
		AND number < COALESCE((SELECT MIN(k.number) FROM feed_facts k WHERE k.origin = $1 AND k.number >= $2 AND k.number < $3 AND k.block >= $5), $3)`,
		origin, at.first, at.first+collectedAtOnce, sealed, oldest).Scan(&at.last)
	if err != nil || at.last == 0 {
		return span{}, err
	}
	return at, nil
}
