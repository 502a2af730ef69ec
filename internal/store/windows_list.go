package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// WindowRow is how one window ended for one wallet, or a range of windows missed by all of them.
type WindowRow struct {
	// Missed is set for a range of missed windows; then Block is its last window and Reason its reason, and the other
	// fields are zero.
	Missed     *coordination.Missed
	Block      chain.Height // coordination block
	Wallet     chain.WalletID
	Open       bool // not finished yet; Reason is empty
	OpenedAt   chain.Height
	Role       coordination.Role
	Seed       [32]byte
	Leader     chain.Operator    // zero if not known
	Proposal   proposal.Proposal // what was agreed; nil if nothing was
	ReceivedAt chain.Height      // 0 if nothing was agreed
	Reason     coordination.Reason
	Detail     string
	RecordedAt time.Time
	Faults     int    // faults of the window and wallet
	Attributed int    // those of them that accuse
	Outcome    string // of the window's action; empty if there is none or it has no outcome yet
	Pending    bool   // there is an action and it has no outcome yet
}

// WindowState is how far a row of the list of windows has come.
type WindowState string

// The states of a WindowRow.
const (
	StateOpen     WindowState = "open"     // begun, and without a result yet
	StateFinished WindowState = "finished" // it has its one final result
	StateMissed   WindowState = "missed"   // a range of windows that were wholly missed
)

// WindowStates returns every state.
func WindowStates() []WindowState { return []WindowState{StateOpen, StateFinished, StateMissed} }

// ParseWindowState reads the name of a state.
func ParseWindowState(s string) (WindowState, error) {
	if state := WindowState(s); slices.Contains(WindowStates(), state) {
		return state, nil
	}
	return "", fmt.Errorf("unknown state %q (there are open, finished and missed)", s)
}

// WindowFilter selects windows. The zero value selects all of them. Missed ranges have no wallet: they are selected whatever
// the wallet.
type WindowFilter struct {
	Wallet   *chain.WalletID
	From, To chain.Height          // coordination blocks, both included; a zero To is no upper bound
	Reasons  []coordination.Reason // none for all; open windows have no reason
	States   []WindowState         // none for all
	Limit    int                   // greatest number of rows; 0 for no limit
}

// wants reports whether the filter selects rows of a state.
func (f WindowFilter) wants(state WindowState) bool {
	return len(f.States) == 0 || slices.Contains(f.States, state)
}

// Windows returns what a filter selects, newest window first, wallets in the order of their IDs.
func (r Reader) Windows(ctx context.Context, filter WindowFilter) ([]WindowRow, error) {
	var rows []WindowRow
	err := r.snapshot(ctx, func(tx *sql.Tx) error {
		results, err := selectResults(ctx, tx, filter)
		if err != nil {
			return err
		}
		missed, err := selectMissed(ctx, tx, filter)
		rows = append(results, missed...)
		return err
	})
	if err != nil {
		return nil, wrap("read windows", err)
	}
	slices.SortStableFunc(rows, func(a, b WindowRow) int { return cmp.Compare(b.Block, a.Block) })
	if filter.Limit > 0 && len(rows) > filter.Limit {
		rows = rows[:filter.Limit]
	}
	return rows, nil
}

func selectResults(ctx context.Context, db querier, filter WindowFilter) ([]WindowRow, error) {
	var where conditions
	where.scope("block", "block", filter.Wallet, filter.From, filter.To)
	where.among("reason", texts(filter.Reasons))
	switch open, finished := filter.wants(StateOpen), filter.wants(StateFinished); {
	case !open && !finished:
		return nil, nil
	case open != finished:
		where.add("finished =", finished)
	}
	rows, err := db.QueryContext(ctx, `SELECT r.block, r.wallet, r.finished, r.opened_at, r.role, r.seed, r.leader, r.proposal, r.received_at,
			r.reason, r.detail, r.recorded_time, COALESCE(a.outcome, ''), a.block IS NOT NULL AND NOT a.finished,
			(SELECT COUNT(*) FROM faults f WHERE f.block = r.block AND f.wallet = r.wallet),
			(SELECT COUNT(*) FROM faults f WHERE f.block = r.block AND f.wallet = r.wallet AND f.attributed)
		FROM (SELECT * FROM results`+where.sql()+` ORDER BY block DESC, wallet`+where.limit(filter.Limit)+`) r
		LEFT JOIN actions a ON a.block = r.block AND a.wallet = r.wallet
		ORDER BY r.block DESC, r.wallet`, where.args...)
	return collect(rows, err, scanResult)
}

func texts(reasons []coordination.Reason) []string {
	list := make([]string, len(reasons))
	for i, reason := range reasons {
		list[i] = string(reason)
	}
	return list
}

func scanResult(row scanner) (WindowRow, error) {
	var (
		w        WindowRow
		finished bool
		message  []byte
	)
	err := row.Scan((*height)(&w.Block), fixed(w.Wallet[:]), &finished, (*height)(&w.OpenedAt), (*string)(&w.Role), fixed(w.Seed[:]),
		fixed(w.Leader[:]), &message, (*height)(&w.ReceivedAt), (*string)(&w.Reason), &w.Detail, (*instant)(&w.RecordedAt),
		&w.Outcome, &w.Pending, &w.Faults, &w.Attributed)
	if err != nil {
		return w, err
	}
	w.Open = !finished
	w.Proposal, err = decodeProposal(w.Wallet, w.Block, message)
	return w, err
}

func selectMissed(ctx context.Context, db querier, filter WindowFilter) ([]WindowRow, error) {
	if !filter.wants(StateMissed) {
		return nil, nil
	}
	var where conditions
	where.scope("first_block", "last_block", nil, filter.From, filter.To)
	where.among("reason", texts(filter.Reasons))
	rows, err := db.QueryContext(ctx, `SELECT first_block, last_block, reason, noted_at FROM missed`+
		where.sql()+` ORDER BY last_block DESC`+where.limit(filter.Limit), where.args...)
	return collect(rows, err, func(row scanner) (WindowRow, error) {
		var m coordination.Missed
		err := row.Scan((*height)(&m.First), (*height)(&m.Last), (*string)(&m.Reason), (*height)(&m.NotedAt))
		return WindowRow{Missed: &m, Block: m.Last, Reason: m.Reason}, err
	})
}
