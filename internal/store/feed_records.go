package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Accept implements pipeline.Log.
func (f *Feed) Accept(ctx context.Context, records []pipeline.Accepted) error {
	last := lastOf(records)
	err := f.write(ctx, "store records of the feed", func(ctx context.Context, tx *sql.Tx, row feedRow) error {
		for i, r := range records {
			if r.Record.Seq != row.last+1+feed.Seq(i) {
				return fmt.Errorf("record %d after %d: %w", r.Record.Seq, row.last+feed.Seq(i), pipeline.ErrOrder)
			}
		}
		if len(records) == 0 {
			return nil
		}
		for from, i := 0, 1; i <= len(records); i++ { // a segment is of one epoch
			if i < len(records) && records[i].Record.Epoch == records[from].Record.Epoch {
				continue
			}
			for _, some := range segments(records[from:i], sizeOfAccepted) {
				if err := f.insertRecords(ctx, tx, some); err != nil {
					return err
				}
			}
			from = i
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
	if err == nil {
		f.fresh.add(records)
	}
	return err
}

func sizeOfAccepted(a *pipeline.Accepted) int { return len(a.Payload) }

// lastOf is the last number of each source among records.
func lastOf(records []pipeline.Accepted) map[string]uint64 {
	last := make(map[string]uint64)
	for i := range records {
		item := &records[i].Record.Item
		last[item.Source] = max(last[item.Source], item.Number)
	}
	return last
}

// insertRecords stores a segment.
func (f *Feed) insertRecords(ctx context.Context, tx *sql.Tx, list []pipeline.Accepted) error {
	sources, err := json.Marshal(lastOf(list))
	if err != nil {
		return fmt.Errorf("encode sources: %w", err)
	}
	size := 0
	for i := range list {
		size += len(list[i].Payload)
	}
	records, payloads, witnesses := encodeRecords(list)
	_, err = tx.ExecContext(ctx, `INSERT INTO feed_records (instance, seq, last, epoch, count, size, sources, records, payloads, witnesses)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		f.instance, natural(list[0].Record.Seq), natural(list[len(list)-1].Record.Seq), natural(list[0].Record.Epoch), len(list), size,
		string(sources), records, payloads, blob(witnesses))
	return err
}

// recordsFrom selects segments from the one on that has a number, or the first one after it.
const recordsFrom = `SELECT seq, last, count, size FROM feed_records WHERE instance = $1
	AND seq >= COALESCE((SELECT MAX(seq) FROM feed_records WHERE instance = $1 AND seq <= $2), 0) AND last >= $2
	ORDER BY seq LIMIT CAST($3 AS BIGINT)`

// Records implements pipeline.Log.
func (f *Feed) Records(ctx context.Context, from feed.Seq, limit int) (list []feed.Record, err error) {
	at, err := f.store.run(ctx, false, natural(from), limit, recordsFrom, f.instance)
	if err != nil || at.empty() {
		return nil, wrap("read records of the feed", err)
	}
	rows, err := f.store.db.QueryContext(ctx, `SELECT seq, last, records FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq`,
		f.instance, at.first, at.last)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var s span
		var stored sql.RawBytes // nothing of it is left in what is decoded
		if err := row.Scan(&s.first, &s.last, &stored); err != nil {
			return none, err
		}
		some, err := decodeRecords(s, stored)
		list = continued(list, some)
		return none, f.unreadable(err, s)
	})
	if err != nil {
		return nil, wrap("read records of the feed", err)
	}
	for len(list) > 0 && list[0].Seq < from {
		list = list[1:]
	}
	return page(list, limit, func(*feed.Record) int { return 0 }), nil
}

func (f *Feed) unreadable(err error, at span) error {
	return unreadable(err, "records %d to %d of feed %s", at.first, at.last, f.instance)
}

// Accepted implements pipeline.Log.
func (f *Feed) Accepted(ctx context.Context, from feed.Seq, limit int) ([]pipeline.Accepted, error) {
	at, err := f.store.run(ctx, false, natural(from), limit, recordsFrom, f.instance)
	if err != nil || at.empty() {
		return nil, wrap("read records of the feed", err)
	}
	list, err := f.accepted(ctx, f.store.db, at)
	if err != nil {
		return nil, wrap("read records of the feed", err)
	}
	for len(list) > 0 && list[0].Record.Seq < from {
		list = list[1:]
	}
	return page(list, limit, sizeOfAccepted), nil
}

// accepted reads the segments that begin in a range.
func (f *Feed) accepted(ctx context.Context, db querier, at span) (list []pipeline.Accepted, err error) {
	rows, err := db.QueryContext(ctx, `SELECT seq, last, records, payloads, witnesses FROM feed_records WHERE instance = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq`,
		f.instance, at.first, at.last)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		some, err := f.scanAccepted(row)
		list = continued(list, some)
		return none, err
	})
	return list, err
}

func (f *Feed) scanAccepted(row scanner) ([]pipeline.Accepted, error) {
	var s span
	var records, witnesses sql.RawBytes // nothing of them is left in what is decoded
	var payloads []byte
	if err := row.Scan(&s.first, &s.last, &records, &payloads, &witnesses); err != nil {
		return nil, err
	}
	list, err := decodeAccepted(s, records, payloads, witnesses)
	return list, f.unreadable(err, s)
}

// fill reads payloads and witnesses of entries, which stand in the order of their mailbox, unless this process has just stored them. A gap has none.
func (f *Feed) fill(ctx context.Context, list []pipeline.Delivered) error {
	wanted := make(map[feed.Seq][]*pipeline.Delivered)
	var at span
	for i := range list {
		seq := list[i].Entry.Record.Seq
		if seq == 0 {
			continue
		}
		if a, there := f.fresh.find(&list[i].Entry.Record); there {
			list[i].Payload, list[i].Witness = a.Payload, a.Witness
			continue
		}
		wanted[seq] = append(wanted[seq], &list[i])
		if at.last = max(at.last, natural(seq)); at.first == 0 || natural(seq) < at.first {
			at.first = natural(seq)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	put := func(row scanner) (none struct{}, err error) {
		some, err := f.scanAccepted(row)
		for i := range some {
			for _, d := range wanted[some[i].Record.Seq] {
				d.Payload, d.Witness = some[i].Payload, some[i].Witness
			}
			delete(wanted, some[i].Record.Seq)
		}
		return none, err
	}
	const columns = `SELECT seq, last, records, payloads, witnesses FROM feed_records WHERE instance = $1 AND `
	if uint64(at.last-at.first) < sparse*uint64(len(wanted)) {
		rows, err := f.store.db.QueryContext(ctx, columns+`seq >= COALESCE((SELECT MAX(seq) FROM feed_records WHERE instance = $1 AND seq <= $2), 0)
			AND seq <= $3 ORDER BY seq`, f.instance, at.first, at.last)
		_, err = collect(rows, err, put)
		return err
	}
	for i := range list { // a few of many: each segment that has one is looked for
		seq := list[i].Entry.Record.Seq
		if wanted[seq] == nil {
			continue
		}
		rows, err := f.store.db.QueryContext(ctx, columns+`seq <= $2 ORDER BY seq DESC LIMIT 1`, f.instance, natural(seq))
		if _, err := collect(rows, err, put); err != nil {
			return err
		}
		delete(wanted, seq) // it is not kept, if it was not there
	}
	return nil
}

// sparse is how many records lie around each one that is wanted before segments are looked for one by one.
const sparse = 4
