package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

var (
	// ErrMoved says that a mailbox is another instance's.
	ErrMoved = errors.New("the mailbox is another instance's")
	// ErrLives says that an instance whose mailbox is to be taken lives, and has to hand it over itself.
	ErrLives = errors.New("the instance lives, and has to hand its mailbox over itself")
)

// Handover ends a mailbox at one instance and begins it at another.
type Handover struct {
	Mailbox  string
	From, To string      // instances
	Epoch    feed.Epoch  // the last one at From
	Last     feed.Number // the mailbox's last entry there
	Head     feed.Hash   // its hash
	// Positions are of each source what the mailbox has at From, or does not get; ascending by source.
	Positions []feed.Position
	// Tail completes the mailbox at From: entries of records that From has accepted and not put into it any more.
	Tail []feed.Entry
	// Statement is what From has signed of it; empty if it is gone.
	Statement []byte
}

// Moved is a move that was made.
type Moved struct {
	N         int // of the mailbox's moves, from 1
	From, To  string
	Epoch     feed.Epoch
	Last      feed.Number
	Head      feed.Hash
	Positions []feed.Position
	Released  []byte // what From has signed; empty if it was gone
	Taken     []byte // what To has signed; empty until it has
	At        time.Time
}

// MoveMailbox makes a handover in one transaction. by is the instance that asks: the one that has the mailbox, or any other once that one's
// session is over, else ErrLives. ErrMoved if the mailbox is not From's, pipeline.ErrOrder if it does not end there as the handover
// says; nothing is changed then.
func (s *Store) MoveMailbox(ctx context.Context, prove func() (cluster.Seal, error), by string, h Handover) error {
	if err := errors.Join(feed.CheckName(h.From), feed.CheckName(h.To), feed.CheckName(h.Mailbox)); err != nil {
		return err
	}
	if h.From == h.To {
		return fmt.Errorf("mailbox %s is to be moved from %s to itself", h.Mailbox, h.From)
	}
	positions, err := json.Marshal(h.Positions)
	if err != nil {
		return fmt.Errorf("encode positions: %w", err)
	}
	from, to := s.Feed(h.From, nil), s.Feed(h.To, nil)
	return s.Feed(by, prove).write(ctx, "move a mailbox", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		if err := bump(ctx, tx, topicFeeds); err != nil {
			return err
		}
		d := s.at.dialect()
		if by != h.From {
			if _, err := lockFeed(ctx, tx, d, h.From); err != nil {
				return err
			}
			if err := overdue(ctx, tx, d, h.From); err != nil {
				return err
			}
		}
		box, err := from.end(ctx, tx, h)
		if err != nil {
			return err
		}
		if err := to.begin(ctx, tx, h, box); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO feed_moves (mailbox, turn, giver, taker, epoch, last, head, positions, released, taken, made)
			VALUES ($1, (SELECT COALESCE(MAX(turn), 0) + 1 FROM feed_moves WHERE mailbox = $1), $2, $3, $4, $5, $6, $7, $8, $9, `+d.now+`)`,
			h.Mailbox, h.From, h.To, natural(h.Epoch), natural(h.Last), h.Head[:], string(positions), blob(h.Statement), []byte{})
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM feed_wishes WHERE mailbox = $1`, h.Mailbox)
		return err
	})
}

// overdue refuses if an instance has a session that lives.
func overdue(ctx context.Context, tx *sql.Tx, d dialect, instance string) error {
	now, err := look(ctx, tx, d)
	if err != nil {
		return err
	}
	if i, there := now.sessions[cluster.InstanceID(instance)]; there {
		if _, live := now.live(i.Holder); live {
			return fmt.Errorf("%s: %w", instance, ErrLives)
		}
	}
	return nil
}

// end completes a mailbox and closes it here. The feed's row is locked.
func (f *Feed) end(ctx context.Context, tx *sql.Tx, h Handover) (mailboxRow, error) {
	box, there, err := f.mailbox(ctx, tx, h.Mailbox)
	if err != nil {
		return box, err
	}
	if !there {
		return box, fmt.Errorf("%w: %s never had mailbox %s", ErrMoved, f.instance, h.Mailbox)
	}
	if err := box.here(h.Mailbox); err != nil {
		return box, err
	}
	boxes := map[string]mailboxRow{h.Mailbox: box}
	if err := f.add(ctx, tx, boxes, h.Tail); err != nil {
		return box, err
	}
	box = boxes[h.Mailbox]
	if len(boxes) != 1 || box.last != h.Last || box.head != h.Head {
		return box, fmt.Errorf("mailbox %s ends with entry %d at %s, not with %d: %w", h.Mailbox, box.last, f.instance, h.Last, pipeline.ErrOrder)
	}
	ended := box
	ended.moved = h.To
	return box, f.saveMailbox(ctx, tx, h.Mailbox, ended)
}

// begin opens a mailbox that ends elsewhere.
func (f *Feed) begin(ctx context.Context, tx *sql.Tx, h Handover, box mailboxRow) error {
	has, there, err := f.mailbox(ctx, tx, h.Mailbox)
	if err != nil {
		return err
	}
	if there && has.moved == "" {
		return fmt.Errorf("%s has a mailbox %s, which is another: %w", f.instance, h.Mailbox, pipeline.ErrOrder)
	}
	return f.saveMailbox(ctx, tx, h.Mailbox, box)
}

// TakeMailbox stores what the taker of a mailbox's n-th move has signed of it, and returns what is stored: the first one stays. ErrNotFound if
// there is no such move.
func (s *Store) TakeMailbox(ctx context.Context, prove func() (cluster.Seal, error), mailbox string, n int, statement []byte) (kept []byte, err error) {
	moves, err := s.Moves(ctx, mailbox)
	if err != nil {
		return nil, err
	}
	if n < 1 || n > len(moves) {
		return nil, wrap("take a mailbox", fmt.Errorf("%w: move %d of mailbox %s", ErrNotFound, n, mailbox))
	}
	err = s.Feed(moves[n-1].To, prove).write(ctx, "take a mailbox", func(ctx context.Context, tx *sql.Tx, _ feedRow) error {
		_, err := tx.ExecContext(ctx, `UPDATE feed_moves SET taken = $1 WHERE mailbox = $2 AND turn = $3 AND length(taken) = 0`, blob(statement), mailbox, n)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT taken FROM feed_moves WHERE mailbox = $1 AND turn = $2`, mailbox, n).Scan(&kept)
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Moves returns a mailbox's moves, the first first.
func (r Reader) Moves(ctx context.Context, mailbox string) ([]Moved, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT turn, giver, taker, epoch, last, head, positions, released, taken, made FROM feed_moves
		WHERE mailbox = $1 ORDER BY turn`, mailbox)
	list, err := collect(rows, err, func(row scanner) (m Moved, err error) {
		var positions []byte
		var made int64
		err = row.Scan(&m.N, &m.From, &m.To, (*natural)(&m.Epoch), (*natural)(&m.Last), fixed(m.Head[:]), &positions, &m.Released, &m.Taken, &made)
		if err != nil {
			return m, err
		}
		m.At = time.UnixMicro(made).UTC()
		m.Positions, err = decodePositions(positions)
		return m, unreadable(err, "move %d of mailbox %s", m.N, mailbox)
	})
	return list, wrap("read moves of a mailbox", err)
}

// decodePositions reads a move's positions.
func decodePositions(stored []byte) (list []feed.Position, err error) {
	if err := json.Unmarshal(stored, &list); err != nil {
		return nil, err
	}
	for i, p := range list {
		if err := feed.CheckName(p.Source); err != nil {
			return nil, err
		}
		if i > 0 && list[i-1].Source >= p.Source {
			return nil, errors.New("positions that do not ascend")
		}
	}
	return list, nil
}
