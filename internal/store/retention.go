package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/chain"
)

// Defaults of Retention. The network opens about 8 windows a day.
const (
	// defaultWindows is ~250 days: a wallet lives about half a year, so its whole life can be looked up while it
	// matters. A wallet's window takes up to ~900 bytes (measured, with an action and a fault): 1.8 GB for 1000 wallets,
	// 36 MB for 20.
	defaultWindows = 2000
	// defaultEvidence is ~3.4 years: a dispute about an operator is fought long after the window, and an honest network
	// produces few faults.
	defaultEvidence = 10000
)

// Retention says how many opened windows are kept. Counting windows rather than heights makes a chain that lies about its
// height harmless: it cannot make the node delete what it has.
type Retention struct {
	// Windows is for results, own proposals, actions and statements; 0 for 2000.
	Windows int
	// Evidence is for faults, statements of their culprits, and the list of windows itself; 0 for 10000. It is at
	// least Windows.
	Evidence int
}

func (r Retention) withDefaults() Retention {
	if r.Windows == 0 {
		r.Windows = defaultWindows
	}
	if r.Evidence == 0 {
		r.Evidence = max(defaultEvidence, r.Windows)
	}
	return r
}

func (r Retention) validate() error {
	if r.Windows < 0 || r.Evidence < 0 {
		return fmt.Errorf("retention of %d windows and %d windows of evidence: neither can be negative", r.Windows, r.Evidence)
	}
	if r = r.withDefaults(); r.Evidence < r.Windows {
		return fmt.Errorf("retention keeps evidence for %d windows and everything else for %d: evidence is kept longest", r.Evidence, r.Windows)
	}
	return nil
}

// busy keeps what a wallet still works on: an open window, or an action without an outcome.
const busy = `(block, wallet) NOT IN (SELECT block, wallet FROM results WHERE NOT finished)
	AND (block, wallet) NOT IN (SELECT block, wallet FROM actions WHERE NOT finished)`

// accused holds for a statement whose author is the culprit of a fault of the same window.
const accused = `EXISTS (SELECT 1 FROM faults f WHERE f.block = statements.block AND f.wallet = statements.wallet AND f.culprit = statements.author)`

// prunings lists what is deleted, in an order in which nothing is left that refers to what is gone. Each condition holds for
// rows of a window that may go once the window is older than its bound.
var prunings = []struct {
	table, condition string
	evidence         bool
}{
	{"statements", busy + ` AND NOT ` + accused, false},
	{"own_proposals", busy, false},
	{"results", busy, false},
	{"actions", busy, false},
	{"statements", busy, true},
	{"faults", busy, true},
	{"windows", `TRUE`, true},
}

// Prune deletes what is older than the retention, oldest window first, one window and table per transaction, so that no
// writer waits long behind it. Windows from height now on, open windows and pending actions are never deleted. The space is used
// again by later rows; the file does not shrink.
func (s *Store) Prune(ctx context.Context, now chain.Height) error {
	general, err := s.cutoff(ctx, s.retention.Windows, now)
	if err != nil {
		return err
	}
	evidence, err := s.cutoff(ctx, s.retention.Evidence, now)
	if err != nil {
		return err
	}
	for _, p := range prunings {
		before := general
		if p.evidence {
			before = evidence
		}
		if err := s.pruneTable(ctx, p.table, p.condition, before); err != nil {
			return err
		}
	}
	return s.pruneMissed(ctx, evidence)
}

// cutoff returns the coordination block below which everything goes: the oldest of the newest n opened windows, 0 if there
// are fewer.
func (s *Store) cutoff(ctx context.Context, n int, now chain.Height) (chain.Height, error) {
	var oldest height
	err := s.db.QueryRowContext(ctx, `SELECT COALESCE(MIN(block), 0) FROM (SELECT block FROM windows ORDER BY block DESC LIMIT 1 OFFSET $1) w`, n-1).
		Scan(&oldest)
	return min(chain.Height(oldest), now), wrap("read retention bound", err)
}

// pruneTable deletes window by window. With nothing to delete it looks at the beginning of the table's key only.
func (s *Store) pruneTable(ctx context.Context, table, condition string, before chain.Height) error {
	//nolint:gosec // table and condition are constants of this file
	next := `SELECT COALESCE(MIN(block), 0) FROM ` + table + ` WHERE block < $1 AND ` + condition
	//nolint:gosec // as above
	remove := `DELETE FROM ` + table + ` WHERE block = $1 AND ` + condition
	for {
		var block height
		if err := s.db.QueryRowContext(ctx, next, height(before)).Scan(&block); err != nil {
			return wrap("find old "+table, err)
		}
		if block == 0 {
			return nil
		}
		err := s.writes.do(ctx, "delete old "+table, func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, remove, block)
			return err
		})
		if err != nil {
			return err
		}
		s.log.Debug("Old rows deleted", "table", table, "window", uint64(block))
	}
}

func (s *Store) pruneMissed(ctx context.Context, before chain.Height) error {
	return s.writes.do(ctx, "delete old missed windows", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM missed WHERE last_block < $1`, height(before))
		return err
	})
}
