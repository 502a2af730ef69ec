package store

import (
	"context"
	"database/sql"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

// Tally counts how windows ended and what was wrong in them, over all wallets.
type Tally struct {
	Results []ResultTally
	Faults  []FaultTally
	Missed  []coordination.Missed // ranges that meet the windows asked for
	Newest  []faults.Record       // the newest faults of all windows, in the order of Reader.Faults
	// Told is the number of each origin's last fact when this was counted: what facts up to it tell is counted, what later ones tell is not.
	Told map[string]uint64
}

// ResultTally counts the wallets of one window that ended alike.
type ResultTally struct {
	Block   chain.Height   // coordination block
	Leader  chain.Operator // zero if not known
	Reason  coordination.Reason
	Wallets int
}

// FaultTally counts the wallets of one window in which an operator did the same wrong.
type FaultTally struct {
	Block      chain.Height // coordination block
	Culprit    chain.Operator
	Kind       faults.Kind
	Attributed bool
	Wallets    int
}

// Tally counts from a window on, and reads at most so many of the newest faults. Its size depends on the number of operators, not on that of
// wallets. All of it is of one moment: a fault of Newest is counted, if its window is, and what facts later than Told tell is nowhere.
func (r Reader) Tally(ctx context.Context, from chain.Height, newest int) (Tally, error) {
	var t Tally
	err := r.snapshot(ctx, func(tx *sql.Tx) (err error) {
		rows, err := tx.QueryContext(ctx, `SELECT block, leader, reason, COUNT(*) FROM results WHERE block >= $1 AND finished
			GROUP BY block, leader, reason ORDER BY block, leader, reason`, height(from))
		if t.Results, err = collect(rows, err, func(row scanner) (c ResultTally, err error) {
			return c, row.Scan((*height)(&c.Block), fixed(c.Leader[:]), (*string)(&c.Reason), &c.Wallets)
		}); err != nil {
			return err
		}
		rows, err = tx.QueryContext(ctx, `SELECT block, culprit, kind, attributed, COUNT(*) FROM faults WHERE block >= $1
			GROUP BY block, culprit, kind, attributed ORDER BY block, culprit, kind, attributed`, height(from))
		if t.Faults, err = collect(rows, err, func(row scanner) (c FaultTally, err error) {
			return c, row.Scan((*height)(&c.Block), fixed(c.Culprit[:]), (*string)(&c.Kind), &c.Attributed, &c.Wallets)
		}); err != nil {
			return err
		}
		missed, err := selectMissed(ctx, tx, WindowFilter{From: from})
		for _, m := range missed {
			t.Missed = append(t.Missed, *m.Missed)
		}
		if err != nil {
			return err
		}
		if t.Newest, err = selectFaults(ctx, tx, conditions{}, newest); err != nil {
			return err
		}
		if told, err := readOrigins(ctx, tx); err != nil || len(told) > 0 {
			t.Told = told
			return err
		}
		return nil
	})
	return t, wrap("count windows", err)
}

// Pulse tells cheaply whether records have changed: two that are equal were read of the same results and faults, as far
// as windows from a block on are concerned, and of the same halts.
type Pulse struct {
	Begun, Finished, Acted int64  // results begun and finished, and actions with an outcome
	Faults, Late           int64  // faults, and those marked late
	Missed                 int64  // ranges
	Wallets, Archived      int64  // wallets imported, and those of them put away
	FaultsVersion          uint64 // of the topic faults
	HaltsVersion           uint64 // of the topic halts
}

// Pulse looks at windows from a block on.
func (r Reader) Pulse(ctx context.Context, from chain.Height) (Pulse, error) {
	var p Pulse
	err := r.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM results WHERE block >= $1),
		(SELECT COUNT(*) FROM results WHERE block >= $1 AND finished), (SELECT COUNT(*) FROM actions WHERE block >= $1 AND finished),
		(SELECT COUNT(*) FROM faults WHERE block >= $1), (SELECT COUNT(*) FROM faults WHERE block >= $1 AND late),
		(SELECT COUNT(*) FROM missed WHERE last_block >= $1),
		(SELECT COUNT(*) FROM wallets), (SELECT COUNT(*) FROM wallets WHERE archived),
		(SELECT COALESCE(MAX(version), 0) FROM changes WHERE topic = 'faults'),
		(SELECT COALESCE(MAX(version), 0) FROM changes WHERE topic = 'halts')`, height(from)).
		Scan(&p.Begun, &p.Finished, &p.Acted, &p.Faults, &p.Late, &p.Missed, &p.Wallets, &p.Archived, &p.FaultsVersion, &p.HaltsVersion)
	return p, wrap("look for changes", err)
}
