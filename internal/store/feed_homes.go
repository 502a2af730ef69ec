package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/net/feed"
)

// MailboxHome is which instance has a mailbox.
type MailboxHome struct {
	Mailbox      string
	Instance     string
	Moves        int // made so far
	Last         feed.Number
	Acknowledged feed.Number
	Closed       bool // it ends with a gap
}

// ClaimMailbox begins a mailbox at an instance unless there is one of this name, and returns the instance that has it.
func (s *Store) ClaimMailbox(ctx context.Context, prove func() (cluster.Seal, error), instance, mailbox string) (home string, err error) {
	if err := feed.CheckName(mailbox); err != nil {
		return "", err
	}
	f := s.Feed(instance, prove)
	err = f.write(ctx, "begin a mailbox", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		if err := bump(ctx, tx, topicFeeds); err != nil { // of several instances that begin it at once one does
			return err
		}
		err := tx.QueryRowContext(ctx, `SELECT MIN(instance) FROM feed_mailboxes WHERE mailbox = $1 AND moved = '' HAVING COUNT(*) > 0`, mailbox).Scan(&home)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		home = instance
		return f.saveMailbox(ctx, tx, mailbox, mailboxRow{gap: -1})
	})
	if err != nil {
		return "", err
	}
	return home, nil
}

// Homes returns which instance has which mailbox.
func (r Reader) Homes(ctx context.Context) ([]MailboxHome, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT b.mailbox, b.instance, b.last, b.acknowledged, b.gap,
			(SELECT COUNT(*) FROM feed_moves m WHERE m.mailbox = b.mailbox)
		FROM feed_mailboxes b WHERE b.moved = '' ORDER BY b.mailbox, b.instance`)
	list, err := collect(rows, err, func(row scanner) (h MailboxHome, err error) {
		var gap int64
		err = row.Scan(&h.Mailbox, &h.Instance, (*natural)(&h.Last), (*natural)(&h.Acknowledged), &gap, &h.Moves)
		h.Closed = gap >= 0
		return h, err
	})
	return list, wrap("read who has mailboxes", err)
}

// MoveWish is a move that is asked for and not made yet.
type MoveWish struct {
	Mailbox, To string
	Ready       feed.Epoch // the epoch from which on To is prepared, if it has said so
	HasReady    bool
}

// WishMove asks for a move, in place of one that was asked for before; to nobody, it takes that back. ErrNotFound if there is no such
// mailbox, or no such instance ever ran a feed.
func (s *Store) WishMove(ctx context.Context, mailbox, to string) error {
	return s.writes.do(ctx, "ask for a move", func(ctx context.Context, tx *sql.Tx) error {
		var mailboxes, instances int
		err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM feed_mailboxes WHERE mailbox = $1), (SELECT COUNT(*) FROM feeds WHERE instance = $2)`,
			mailbox, to).Scan(&mailboxes, &instances)
		switch {
		case err != nil:
			return err
		case mailboxes == 0:
			return fmt.Errorf("%w: mailbox %.80q", ErrNotFound, mailbox)
		case to == "":
			_, err = tx.ExecContext(ctx, `DELETE FROM feed_wishes WHERE mailbox = $1`, mailbox)
			return err
		case instances == 0:
			return fmt.Errorf("%w: a feed of instance %.80q", ErrNotFound, to)
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO feed_wishes (mailbox, taker, ready, since) VALUES ($1, $2, -1, `+s.at.dialect().now+`)
			ON CONFLICT (mailbox) DO UPDATE SET taker = excluded.taker, ready = excluded.ready, since = excluded.since
			WHERE feed_wishes.taker <> excluded.taker`, mailbox, to)
		return err
	})
}

// WishedMoves returns the moves that are asked for.
func (r Reader) WishedMoves(ctx context.Context) ([]MoveWish, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT mailbox, taker, ready FROM feed_wishes ORDER BY mailbox`)
	list, err := collect(rows, err, func(row scanner) (w MoveWish, err error) {
		var ready int64
		if err := row.Scan(&w.Mailbox, &w.To, &ready); err != nil {
			return w, err
		}
		if w.HasReady = ready >= 0; w.HasReady {
			w.Ready = feed.Epoch(ready) //nolint:gosec // not negative
		}
		return w, nil
	})
	return list, wrap("read wishes for moves", err)
}

// ReadyMove says for the taker of a move that is asked for from which epoch on it is prepared. ErrNotFound if it is asked for no more.
func (s *Store) ReadyMove(ctx context.Context, prove func() (cluster.Seal, error), mailbox, to string, from feed.Epoch) error {
	return s.Feed(to, prove).write(ctx, "prepare a move", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		done, err := tx.ExecContext(ctx, `UPDATE feed_wishes SET ready = $1 WHERE mailbox = $2 AND taker = $3`, natural(from), mailbox, to)
		return one(done, err, ErrNotFound)
	})
}
