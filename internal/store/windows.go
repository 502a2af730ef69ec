package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// frequency is the number of blocks from one window to the next.
var frequency = coordination.RFC12().Frequency

// LastWindow implements coordination.WindowLog.
func (r Reader) LastWindow(ctx context.Context) (coordination.Opened, error) {
	last, err := readLast(ctx, r.db)
	return last, wrap("read last window", err)
}

// readLast returns the latest of all windows opened, missed and started after.
func readLast(ctx context.Context, db querier) (coordination.Opened, error) {
	return readLastAt(ctx, db, math.MaxInt64, math.MaxInt64)
}

// readLastAt returns the latest of those at or below a height. Of a range of missed ones that reaches further, current is
// the last that counts.
func readLastAt(ctx context.Context, db querier, head, current chain.Height) (coordination.Opened, error) {
	last, err := scanOpened(db.QueryRowContext(ctx, `SELECT block, opened_at, hash, opened_time FROM windows WHERE block <= $1
		ORDER BY block DESC LIMIT 1`, height(head)))
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return coordination.Opened{}, err
	}
	var missed height
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(last_block), 0) FROM missed WHERE first_block <= $1`, height(head)).Scan(&missed)
	if err != nil {
		return coordination.Opened{}, err
	}
	missed = min(missed, height(current))
	if chain.Height(missed) > last.Block {
		return coordination.Opened{Block: chain.Height(missed)}, nil
	}
	return last, nil
}

// laterThanLast refuses a window that was accounted for already.
func laterThanLast(ctx context.Context, tx *sql.Tx, block chain.Height) error {
	last, err := readLast(ctx, tx)
	if err == nil && block <= last.Block {
		err = fmt.Errorf("%w: %d after %d", errStaleWindow, block, last.Block)
	}
	return err
}

// scanner is a row or rows.
type scanner interface{ Scan(dest ...any) error }

func scanOpened(row scanner) (coordination.Opened, error) {
	var o coordination.Opened
	err := row.Scan((*height)(&o.Block), (*height)(&o.At), fixed(o.Hash[:]), (*instant)(&o.Time))
	return o, err
}

// StartAfter implements coordination.WindowLog. errStaleWindow if the store is not new.
func (s *Store) StartAfter(ctx context.Context, block chain.Height) error {
	mark := coordination.Opened{Block: block} // opened at 0: it never was
	return s.writes.do(ctx, "store first window", func(ctx context.Context, tx *sql.Tx) error {
		last, err := readLast(ctx, tx)
		if err != nil || last == mark {
			return err
		}
		if last.Block != 0 {
			return fmt.Errorf("%w: start after %d, but %d is known", errStaleWindow, block, last.Block)
		}
		return insertWindow(ctx, tx, mark)
	})
}

// OpenWindow implements coordination.WindowLog; errStaleWindow if the window is not later than the last one.
func (s *Store) OpenWindow(ctx context.Context, o coordination.Opened) error {
	defer s.teller.wake()
	return s.writes.do(ctx, "store opened window", func(ctx context.Context, tx *sql.Tx) error {
		if err := laterThanLast(ctx, tx, o.Block); err != nil {
			return err
		}
		if err := insertWindow(ctx, tx, o); err != nil {
			return err
		}
		return s.teller.tell(ctx, Tiding{Window: o.Block, Opened: &o})
	})
}

func insertWindow(ctx context.Context, tx *sql.Tx, o coordination.Opened) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO windows (block, opened_at, hash, opened_time) VALUES ($1, $2, $3, $4)`,
		height(o.Block), height(o.At), o.Hash[:], instant(o.Time))
	return err
}

// RecordMissed implements coordination.WindowLog. The last range again changes nothing; errStaleWindow if another one begins
// before the last window.
func (s *Store) RecordMissed(ctx context.Context, m coordination.Missed) error {
	if _, err := coordination.ParseReason(string(m.Reason)); err != nil {
		return fmt.Errorf("store missed windows: %w", err)
	}
	return s.writes.do(ctx, "store missed windows", func(ctx context.Context, tx *sql.Tx) error {
		var known int
		err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM missed WHERE first_block = $1 AND last_block = $2`,
			height(m.First), height(m.Last)).Scan(&known)
		if err != nil || known > 0 {
			return err
		}
		if err := laterThanLast(ctx, tx, m.First); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO missed (first_block, last_block, reason, noted_at) VALUES ($1, $2, $3, $4)`,
			height(m.First), height(m.Last), string(m.Reason), height(m.NotedAt))
		return err
	})
}

// Begin implements coordination.WindowLog.
func (s scribe) Begin(ctx context.Context, wallet chain.WalletID, w coordination.Window, at chain.Height) (coordination.Progress, error) {
	var progress coordination.Progress
	err := s.write(ctx, "begin window", wallet, func(ctx context.Context, tx *sql.Tx) error {
		none := []byte{}
		_, err := tx.ExecContext(ctx, `INSERT INTO results
			(block, wallet, opened_at, finished, reason, detail, role, seed, leader, action, proposal, received_at, recorded_time)
			VALUES ($1, $2, $3, FALSE, '', '', '', $4, $4, '', $4, 0, 0) ON CONFLICT (block, wallet) DO NOTHING`,
			height(w.Block), wallet[:], height(at), none)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT opened_at, finished FROM results WHERE block = $1 AND wallet = $2`,
			height(w.Block), wallet[:]).Scan((*height)(&progress.OpenedAt), &progress.Finished)
	})
	if err != nil {
		return coordination.Progress{}, err
	}
	return progress, nil
}

// FinishOpen implements coordination.WindowLog.
func (s *Store) FinishOpen(ctx context.Context, last chain.Height, reason coordination.Reason) error {
	if _, err := coordination.ParseReason(string(reason)); err != nil {
		return fmt.Errorf("finish open windows: %w", err)
	}
	now := time.Now()
	return s.writes.do(ctx, "finish open windows", func(ctx context.Context, tx *sql.Tx) error {
		err := s.teller.tellFinished(ctx, tx, reason, finishBegun, height(last), string(reason), instant(now))
		if err != nil {
			return err
		}
		return s.teller.tellFinished(ctx, tx, reason, finishUnbegun, height(last), string(reason), instant(now), []byte{})
	})
}

// finishBegun gives the rows that are open their result.
const finishBegun = `UPDATE results SET finished = TRUE, reason = $2, recorded_time = $3 WHERE NOT finished AND block <= $1`

// finishUnbegun gives a result to the wallets whose part in the last opened window was never begun, because the node ended
// between the two: those imported before it opened that took part in a window before, or all if none was begun. (A
// wallet without a seat of ours is in the registry too and never takes part.)
const finishUnbegun = `INSERT INTO results
	(block, wallet, opened_at, finished, reason, detail, role, seed, leader, action, proposal, received_at, recorded_time)
	SELECT win.block, w.wallet, win.opened_at, TRUE, $2, '', '', $4, $4, '', $4, 0, $3
	FROM wallets w JOIN windows win ON win.block = $1
	WHERE win.opened_at > 0 AND NOT w.archived AND w.imported_time <= win.opened_time
		AND NOT EXISTS (SELECT 1 FROM results r WHERE r.block = win.block AND r.wallet = w.wallet)
		AND (EXISTS (SELECT 1 FROM results r WHERE r.wallet = w.wallet AND r.block < win.block)
			OR NOT EXISTS (SELECT 1 FROM results r WHERE r.block = win.block))`
