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
	rows := make([][]any, len(entries))
	for i, e := range entries {
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
		rows[i] = []any{f.instance, e.Mailbox, natural(e.Number), natural(e.Epoch()), natural(e.Record.Seq), e.Encode()}
	}
	return insertRows(ctx, tx, f.store.at.dialect(), `INSERT INTO feed_entries (instance, mailbox, number, epoch, seq, entry) VALUES `, rows)
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
		rows, err := tx.QueryContext(ctx, `SELECT seq FROM feed_entries WHERE instance = $1 AND mailbox = $2 AND epoch >= $3 AND seq > 0 ORDER BY number`,
			f.instance, mailbox, natural(from))
		s.Stored, err = collect(rows, err, func(row scanner) (seq feed.Seq, err error) { return seq, row.Scan((*natural)(&seq)) })
		return err
	})
	return s, wrap("read a mailbox", err)
}

// Entries implements pipeline.Log. Of a mailbox that went and came back it reads one stay at a time.
func (f *Feed) Entries(ctx context.Context, mailbox string, after feed.Number, limit int) (list []pipeline.Delivered, err error) {
	until, err := f.store.page(ctx, true, `SELECT e.number, COALESCE(length(r.payload), 0) FROM feed_entries e
		LEFT JOIN feed_records r ON r.instance = e.instance AND r.seq = e.seq
		WHERE e.instance = $1 AND e.mailbox = $2 AND e.number > $3 ORDER BY e.number LIMIT $4`, f.instance, mailbox, natural(after), limit)
	if err != nil {
		return nil, wrap("read a mailbox", err)
	}
	rows, err := f.store.db.QueryContext(ctx, `SELECT e.number, e.entry, r.payload FROM feed_entries e
		LEFT JOIN feed_records r ON r.instance = e.instance AND r.seq = e.seq
		WHERE e.instance = $1 AND e.mailbox = $2 AND e.number > $3 AND e.number <= $4 ORDER BY e.number`, f.instance, mailbox, natural(after), until)
	list, err = collect(rows, err, func(row scanner) (d pipeline.Delivered, err error) {
		var number natural
		var stored []byte
		if err := row.Scan(&number, &stored, &d.Payload); err != nil {
			return d, err
		}
		d.Entry, err = feed.DecodeEntry(stored)
		if err == nil && (d.Entry.Number != feed.Number(number) || d.Entry.Mailbox != mailbox) {
			err = fmt.Errorf("it is entry %d of %s", d.Entry.Number, d.Entry.Mailbox)
		}
		return d, unreadable(err, "entry %d of mailbox %s", number, mailbox)
	})
	return list, wrap("read a mailbox", err)
}
