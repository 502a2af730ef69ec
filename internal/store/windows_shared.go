package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
)

// topicWindows has no list either: whoever accounts for windows in a shared database locks its row, so that what one
// instance opens and another records as missed never overlap.
const topicWindows shared.Topic = "windows"

// LastWindowAt returns the last window, at or below a height, that any instance has accounted for. What is above is of a
// sibling whose chain is ahead, and it keeps nobody from the window that is due here.
func (p *Pen) LastWindowAt(ctx context.Context, head chain.Height) (coordination.Opened, error) {
	var last coordination.Opened
	err := p.snapshot(ctx, func(tx *sql.Tx) (err error) {
		last, err = readLastAt(ctx, tx, head, head-head%frequency)
		return err
	})
	return last, wrap("read last window", err)
}

// StartAfter implements coordination.WindowLog. If another instance was the first here, what it wrote stays.
func (p *Pen) StartAfter(ctx context.Context, block chain.Height) error {
	return p.writes.do(ctx, "store first window", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicWindows); err != nil {
			return err
		}
		last, err := readLast(ctx, tx)
		if err != nil || last.Block != 0 {
			return err
		}
		return insertWindow(ctx, tx, coordination.Opened{Block: block})
	})
}

// OpenWindow implements coordination.WindowLog. A window that a sibling has opened already stays as that wrote it, and is not told again; one
// that a sibling took for missed is missed no more. It need not be later than the last one: a sibling may be far ahead. What
// wallets that were archived have left open in earlier windows is finished, for nobody serves them any more.
func (p *Pen) OpenWindow(ctx context.Context, o coordination.Opened) error {
	defer p.teller.wake()
	now := time.Now()
	return p.writes.do(ctx, "store opened window", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicWindows); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `INSERT INTO windows (block, opened_at, hash, opened_time) VALUES ($1, $2, $3, $4)
			ON CONFLICT (block) DO UPDATE SET opened_at = excluded.opened_at, hash = excluded.hash, opened_time = excluded.opened_time
			WHERE windows.opened_at = 0`, height(o.Block), height(o.At), o.Hash[:], instant(o.Time))
		if err != nil {
			return err
		}
		if err := p.uncover(ctx, tx, o.Block); err != nil {
			return err
		}
		if known, err := p.knowsGeneration(ctx, tx); err != nil || !known {
			return err
		}
		if err := p.teller.tellIf(ctx, done, Tiding{Window: o.Block, Opened: &o}); err != nil {
			return err
		}
		return p.finishArchived(ctx, tx, o.Block-1, coordination.ReasonNodeDown, now)
	})
}

// uncover cuts a window out of the ranges of missed ones.
func (p *Pen) uncover(ctx context.Context, tx *sql.Tx, block chain.Height) error {
	covering, err := missedWithin(ctx, tx, block, block)
	if err != nil {
		return err
	}
	for _, m := range covering {
		_, err := tx.ExecContext(ctx, `DELETE FROM missed WHERE first_block = $1 AND last_block = $2`, height(m.First), height(m.Last))
		if err != nil {
			return err
		}
		before, after := m, m
		before.Last, after.First = block-frequency, block+frequency
		for _, rest := range []coordination.Missed{before, after} {
			if err := insertMissed(ctx, tx, rest); err != nil {
				return err
			}
		}
	}
	return nil
}

// RecordMissed implements coordination.WindowLog. Of the range only what no instance has opened, or recorded as missed
// already, is stored.
func (p *Pen) RecordMissed(ctx context.Context, m coordination.Missed) error {
	_, err := p.RecordGaps(ctx, m)
	return err
}

// RecordGaps does what RecordMissed does and returns what it stored of the range.
func (p *Pen) RecordGaps(ctx context.Context, m coordination.Missed) (stored []coordination.Missed, err error) {
	if _, err := coordination.ParseReason(string(m.Reason)); err != nil {
		return nil, fmt.Errorf("store missed windows: %w", err)
	}
	if m.Last < m.First {
		return nil, fmt.Errorf("store missed windows: the range from %d to %d ends before it begins", m.First, m.Last)
	}
	err = p.writes.do(ctx, "store missed windows", func(ctx context.Context, tx *sql.Tx) error {
		if err := bump(ctx, tx, topicWindows); err != nil {
			return err
		}
		known, err := accounted(ctx, tx, m.First, m.Last)
		if err != nil {
			return err
		}
		stored = gaps(m, known)
		for _, gap := range stored {
			if err := insertMissed(ctx, tx, gap); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// gaps returns what of a range is not in the known ranges.
func gaps(m coordination.Missed, known []coordination.Missed) (left []coordination.Missed) {
	slices.SortFunc(known, func(a, b coordination.Missed) int { return cmp.Compare(a.First, b.First) })
	next := m.First
	for _, k := range known {
		if k.First > next {
			gap := m
			gap.First, gap.Last = next, k.First-frequency
			left = append(left, gap)
		}
		next = max(next, k.Last+frequency)
	}
	if next <= m.Last {
		m.First = next
		left = append(left, m)
	}
	return left
}

// accounted returns the windows of a range that were opened, each as a range of itself, and the ranges that were missed.
func accounted(ctx context.Context, tx *sql.Tx, first, last chain.Height) ([]coordination.Missed, error) {
	rows, err := tx.QueryContext(ctx, `SELECT block FROM windows WHERE block >= $1 AND block <= $2`, height(first), height(last))
	known, err := collect(rows, err, func(row scanner) (m coordination.Missed, err error) {
		err = row.Scan((*height)(&m.First))
		m.Last = m.First
		return m, err
	})
	if err != nil {
		return nil, err
	}
	missed, err := missedWithin(ctx, tx, first, last)
	return append(known, missed...), err
}

func missedWithin(ctx context.Context, tx *sql.Tx, first, last chain.Height) ([]coordination.Missed, error) {
	rows, err := tx.QueryContext(ctx, `SELECT first_block, last_block, reason, noted_at FROM missed WHERE first_block <= $2 AND last_block >= $1`,
		height(first), height(last))
	return collect(rows, err, func(row scanner) (m coordination.Missed, err error) {
		err = row.Scan((*height)(&m.First), (*height)(&m.Last), (*string)(&m.Reason), (*height)(&m.NotedAt))
		return m, err
	})
}

// insertMissed stores a range; one that is empty is none.
func insertMissed(ctx context.Context, tx *sql.Tx, m coordination.Missed) error {
	if m.Last < m.First {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO missed (first_block, last_block, reason, noted_at) VALUES ($1, $2, $3, $4)`,
		height(m.First), height(m.Last), string(m.Reason), height(m.NotedAt))
	return err
}

// FinishOpen implements coordination.WindowLog for the wallets that this instance is responsible for, and those that are
// archived, which nobody serves any more. The others' windows are their owners' to judge.
func (p *Pen) FinishOpen(ctx context.Context, last chain.Height, reason coordination.Reason) error {
	if _, err := coordination.ParseReason(string(reason)); err != nil {
		return fmt.Errorf("finish open windows: %w", err)
	}
	wallets, err := p.Wallets(ctx)
	if err != nil {
		return err
	}
	var fences []cluster.Fence
	for _, w := range wallets {
		if f, err := p.prove(w.ID()); err == nil {
			fences = append(fences, f)
		}
	}
	now := time.Now()
	return p.writes.do(ctx, "finish open windows", func(ctx context.Context, tx *sql.Tx) error {
		ours, err := proven(ctx, tx, p.at, fences) // first of all, as in every transaction: locks are taken in one order
		if err != nil {
			return err
		}
		known, err := p.knowsGeneration(ctx, tx)
		if err != nil {
			return err
		}
		if known {
			if err := p.finishArchived(ctx, tx, last, reason, now); err != nil {
				return err
			}
		}
		if len(ours) == 0 {
			return nil
		}
		args := []any{height(last), string(reason), instant(now)}
		err = p.teller.tellFinished(ctx, tx, reason, finishBegun+` AND wallet IN (`+list(len(args), ours)+`)`, append(args, ours...)...)
		if err != nil {
			return err
		}
		args = append(args, []byte{})
		return p.teller.tellFinished(ctx, tx, reason, finishUnbegun+` AND w.wallet IN (`+list(len(args), ours)+`)`, append(args, ours...)...)
	})
}

// proven returns the wallets whose fences hold, as arguments of a statement.
func proven(ctx context.Context, tx *sql.Tx, at engine, fences []cluster.Fence) (wallets []any, err error) {
	if len(fences) == 0 {
		return nil, nil
	}
	refused, err := checkFences(ctx, tx, at, fences)
	if err != nil {
		return nil, err
	}
	for _, f := range fences {
		if refused[f] == nil {
			wallets = append(wallets, f.Wallet[:])
		}
	}
	return wallets, nil
}

// list returns placeholders for values that follow others.
func list(after int, values []any) string {
	marks := make([]string, len(values))
	for i := range values {
		marks[i] = fmt.Sprintf("$%d", after+i+1)
	}
	return strings.Join(marks, ", ")
}

// finishArchived ends what archived wallets have left open in windows up to one, in a database of a generation that is known.
func (p *Pen) finishArchived(ctx context.Context, tx *sql.Tx, last chain.Height, reason coordination.Reason, now time.Time) error {
	return p.teller.tellFinished(ctx, tx, reason, finishBegun+` AND wallet IN (SELECT w.wallet FROM wallets w WHERE w.archived)`,
		height(last), string(reason), instant(now))
}

// knowsGeneration says whether what no wallet's fence guards may be told. No fence says that the database is not one that was put back, whose
// next numbers of facts were told already; then it is left to a later window, or not told.
func (p *Pen) knowsGeneration(ctx context.Context, tx *sql.Tx) (bool, error) {
	d := p.at.dialect()
	e, err := readEra(ctx, tx, d)
	if err != nil {
		return false, err
	}
	lost, err := lostGeneration(ctx, tx, d)
	return err == nil && !e.void && lost == "", err
}
