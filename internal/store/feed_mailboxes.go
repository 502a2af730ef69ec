package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// mailboxRow is where a mailbox stands.
type mailboxRow struct {
	last         feed.Number
	head         feed.Hash
	gap          int64 // epoch of the gap that the mailbox ends with, -1 if it does not
	acknowledged feed.Number
	moved        string // to which instance
}

// mailbox reads a mailbox; an empty one, and false, if there is none.
func (f *Feed) mailbox(ctx context.Context, db querier, name string) (m mailboxRow, there bool, err error) {
	m.gap = -1
	err = db.QueryRowContext(ctx, `SELECT last, head, gap, acknowledged, moved FROM feed_mailboxes WHERE instance = $1 AND mailbox = $2`, f.instance, name).
		Scan((*natural)(&m.last), fixed(m.head[:]), &m.gap, (*natural)(&m.acknowledged), &m.moved)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, true, err
}

// here refuses to write into a mailbox that was moved away.
func (m mailboxRow) here(name string) error {
	if m.moved != "" {
		return fmt.Errorf("%w: mailbox %s was moved to %s", ErrMoved, name, m.moved)
	}
	return nil
}

func (f *Feed) saveMailbox(ctx context.Context, tx *sql.Tx, name string, m mailboxRow) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO feed_mailboxes (instance, mailbox, last, head, gap, acknowledged, moved) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (instance, mailbox) DO UPDATE SET last = excluded.last, head = excluded.head, gap = excluded.gap,
			acknowledged = excluded.acknowledged, moved = excluded.moved`,
		f.instance, name, natural(m.last), m.head[:], m.gap, natural(m.acknowledged), m.moved)
	return err
}

// Append implements pipeline.Log; ErrMoved if one of the mailboxes is another instance's.
func (f *Feed) Append(ctx context.Context, entries []feed.Entry) error {
	return f.write(ctx, "store entries of the feed", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		boxes := make(map[string]mailboxRow)
		if err := f.add(ctx, tx, boxes, entries); err != nil {
			return err
		}
		for name, m := range boxes {
			if err := f.saveMailbox(ctx, tx, name, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// add inserts entries and notes where their mailboxes stand then, which is for the caller to save.
func (f *Feed) add(ctx context.Context, tx *sql.Tx, boxes map[string]mailboxRow, entries []feed.Entry) error {
	count := make(map[string]int)
	for i := range entries {
		count[entries[i].Mailbox]++
	}
	own := make(map[string][]feed.Entry, len(count))
	for i := range entries {
		e := &entries[i]
		m, known := boxes[e.Mailbox]
		if !known {
			var err error
			if m, _, err = f.mailbox(ctx, tx, e.Mailbox); err == nil {
				err = m.here(e.Mailbox)
			}
			if err != nil {
				return err
			}
		}
		if e.Number != m.last+1 || e.Previous != m.head {
			return fmt.Errorf("entry %d of mailbox %s after %d: %w", e.Number, e.Mailbox, m.last, pipeline.ErrOrder)
		}
		m.last, m.head, m.gap = e.Number, e.Hash(), -1
		if e.Gap != nil {
			m.gap = int64(e.Gap.Epoch) //nolint:gosec // refused below if it does not fit
		}
		boxes[e.Mailbox] = m
		if own[e.Mailbox] == nil {
			own[e.Mailbox] = make([]feed.Entry, 0, count[e.Mailbox])
		}
		own[e.Mailbox] = append(own[e.Mailbox], *e)
	}
	for _, list := range own {
		for from, i := 0, 1; i <= len(list); i++ { // a segment is of one epoch
			if i < len(list) && list[i].Epoch() == list[from].Epoch() {
				continue
			}
			for _, some := range segments(list[from:i], func(*feed.Entry) int { return 0 }) {
				if err := f.insertEntries(ctx, tx, some); err != nil {
					return err
				}
			}
			from = i
		}
	}
	return nil
}

// insertEntries stores a segment of one mailbox.
func (f *Feed) insertEntries(ctx context.Context, tx *sql.Tx, list []feed.Entry) error {
	var records span
	for i := range list {
		if seq := natural(list[i].Record.Seq); seq > 0 {
			if records.last = max(records.last, seq); records.first == 0 || seq < records.first {
				records.first = seq
			}
		}
	}
	seqs, entries := encodeEntries(list)
	_, err := tx.ExecContext(ctx, `INSERT INTO feed_entries (instance, mailbox, number, last, epoch, least, greatest, seqs, entries)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		f.instance, list[0].Mailbox, natural(list[0].Number), natural(list[len(list)-1].Number), natural(list[0].Epoch()),
		records.first, records.last, seqs, entries)
	return err
}

// Acknowledge implements pipeline.Log; ErrMoved if the mailbox is another instance's. What it held where it was before is acknowledged, too.
func (f *Feed) Acknowledge(ctx context.Context, mailbox string, n feed.Number) error {
	return f.write(ctx, "store an acknowledgement", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		m, _, err := f.mailbox(ctx, tx, mailbox)
		if err == nil {
			err = m.here(mailbox)
		}
		switch {
		case err != nil:
			return err
		case n > m.last:
			return fmt.Errorf("acknowledgement %d of mailbox %s, which ends with %d: %w", n, mailbox, m.last, pipeline.ErrOrder)
		case n <= m.acknowledged:
			return nil
		}
		_, err = tx.ExecContext(ctx, `UPDATE feed_mailboxes SET acknowledged = CASE WHEN last < $1 THEN last ELSE $1 END
			WHERE mailbox = $2 AND acknowledged < $1 AND (instance = $3 OR moved <> '')`, natural(n), mailbox, f.instance)
		return err
	})
}

// Mailbox implements pipeline.Log.
func (f *Feed) Mailbox(ctx context.Context, mailbox string, from feed.Epoch) (s pipeline.MailboxState, err error) {
	err = f.store.snapshot(ctx, func(tx *sql.Tx) error {
		m, _, err := f.mailbox(ctx, tx, mailbox)
		if err != nil {
			return err
		}
		s = pipeline.MailboxState{Last: m.last, Head: m.head, Acknowledged: m.acknowledged, Closed: m.gap >= 0, Moved: m.moved != ""}
		if s.Closed {
			s.ClosedIn = feed.Epoch(m.gap) //nolint:gosec // not negative
		}
		rows, err := tx.QueryContext(ctx, `SELECT seqs FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND epoch >= $3 ORDER BY number`,
			f.instance, mailbox, natural(from))
		_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
			seqs, err := scanSeqs(row)
			for _, seq := range seqs {
				if seq > 0 {
					s.Stored = append(s.Stored, seq)
				}
			}
			return none, unreadable(err, "mailbox %s", mailbox)
		})
		return err
	})
	return s, wrap("read a mailbox", err)
}

func scanSeqs(row scanner) ([]feed.Seq, error) {
	var stored []byte
	if err := row.Scan(&stored); err != nil {
		return nil, err
	}
	return decodeSeqs(stored)
}

// Entries implements pipeline.Log. Of a mailbox that went and came back it reads one stay at a time.
func (f *Feed) Entries(ctx context.Context, mailbox string, after feed.Number, limit int) ([]pipeline.Delivered, error) {
	at, err := f.store.run(ctx, true, natural(after)+1, limit, `SELECT number, last, last - number + 1, 0 FROM feed_entries WHERE instance = $1 AND mailbox = $2
		AND number >= COALESCE((SELECT MAX(number) FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND number <= $3), 0) AND last >= $3
		ORDER BY number LIMIT CAST($4 AS BIGINT)`, f.instance, mailbox)
	if err != nil || at.empty() {
		return nil, wrap("read a mailbox", err)
	}
	entries, err := f.entries(ctx, f.store.db, mailbox, at)
	if err != nil {
		return nil, wrap("read a mailbox", err)
	}
	for len(entries) > 0 && entries[0].Number <= after {
		entries = entries[1:]
	}
	entries = page(entries, limit, func(e *feed.Entry) int { return int(e.Record.Item.Size) })
	list := make([]pipeline.Delivered, len(entries))
	for i := range entries {
		list[i].Entry = entries[i]
	}
	if err := f.fill(ctx, list); err != nil {
		return nil, wrap("read a mailbox", err)
	}
	return list, nil
}

// entries reads the segments of a mailbox that begin in a range.
func (f *Feed) entries(ctx context.Context, db querier, mailbox string, at span) (list []feed.Entry, err error) {
	rows, err := db.QueryContext(ctx, `SELECT number, last, entries FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND number >= $3 AND number <= $4
		ORDER BY number`, f.instance, mailbox, at.first, at.last)
	_, err = collect(rows, err, func(row scanner) (none struct{}, err error) {
		var s span
		var stored sql.RawBytes // nothing of it is left in what is decoded
		if err := row.Scan(&s.first, &s.last, &stored); err != nil {
			return none, err
		}
		some, err := decodeEntries(mailbox, s, stored)
		list = continued(list, some)
		return none, unreadable(err, "entries %d to %d of mailbox %s", s.first, s.last, mailbox)
	})
	return list, err
}
