package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// Action is the row of one wallet's action.
type Action struct {
	proposal.Order
	StartedAt  chain.Height // 0 until it started
	Outcome    string       // the text of an action.Outcome; empty until it is finished
	Detail     string
	FinishedAt chain.Height // 0 until it is finished
	Revoked    bool         // evidence against the window's agreement came in, before or after the outcome
}

// Finished reports whether the action has its outcome.
func (a Action) Finished() bool { return a.Outcome != "" }

// ActionFilter selects actions. The zero value selects all of them.
type ActionFilter struct {
	Wallet   *chain.WalletID
	From, To chain.Height // coordination blocks, both included; a zero To is no upper bound
	Finished *bool
	Limit    int // greatest number, newest window first; 0 for no limit
}

// insertAction stores an order as pending.
func insertAction(ctx context.Context, tx *sql.Tx, o proposal.Order) error {
	kind, message := encodeProposal(o.Wallet, o.Window, o.Proposal)
	_, err := tx.ExecContext(ctx, `INSERT INTO actions
		(block, wallet, action, proposal, start_block, expiry_block, started_at, finished, outcome, detail, finished_at, revoked)
		VALUES ($1, $2, $3, $4, $5, $6, 0, FALSE, '', '', 0, FALSE)`,
		height(o.Window), o.Wallet[:], kind, message, height(o.Start), height(o.Expiry))
	return err
}

// PendingActions returns the orders that have no outcome, oldest window first: those never started, those a stopped node
// left half-way, and those revoked meanwhile, whose outcome is still to be recorded.
func (r Reader) PendingActions(ctx context.Context) ([]proposal.Order, error) {
	rows, err := r.db.QueryContext(ctx, selectAction+` WHERE NOT finished ORDER BY block, wallet`)
	orders, err := collect(rows, err, func(row scanner) (proposal.Order, error) {
		a, err := scanAction(row)
		return a.Order, err
	})
	return orders, wrap("read pending actions", err)
}

// StartAction records that an action's handler began at a height; the first height counts. errFinished if the action has its
// outcome: it must not run again. ErrNotFound if there is no such action.
func (s scribe) StartAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) error {
	return s.write(ctx, "start action", wallet, func(ctx context.Context, tx *sql.Tx) error {
		var finished bool
		err := tx.QueryRowContext(ctx, `SELECT finished FROM actions WHERE block = $1 AND wallet = $2`, height(window), wallet[:]).Scan(&finished)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return noAction(wallet, window)
		case err != nil:
			return err
		case finished:
			return errFinished
		}
		_, err = tx.ExecContext(ctx, `UPDATE actions SET started_at = $1 WHERE block = $2 AND wallet = $3 AND started_at = 0`,
			height(at), height(window), wallet[:])
		return err
	})
}

// FinishAction records an outcome; the first one stays. ErrNotFound if there is no such action.
func (s scribe) FinishAction(
	ctx context.Context, wallet chain.WalletID, window chain.Height, outcome action.Outcome, detail string, at chain.Height,
) error {
	if outcome == "" {
		return errors.New("finish action: no outcome")
	}
	return s.write(ctx, "finish action", wallet, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE actions SET outcome = $1, detail = $2, finished_at = $3, finished = TRUE
			WHERE block = $4 AND wallet = $5 AND NOT finished`,
			string(outcome), text(detail), height(at), height(window), wallet[:])
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 1 {
			return errors.Join(err, s.teller.tellIf(ctx, done,
				Tiding{Wallet: wallet, Window: window, Ended: &Ended{Outcome: outcome, Detail: text(detail), At: at}}))
		}
		var known int
		err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM actions WHERE block = $1 AND wallet = $2`, height(window), wallet[:]).Scan(&known)
		if err == nil && known == 0 {
			err = noAction(wallet, window)
		}
		return err
	})
}

// ActionRevoked reports whether an action was revoked, or must be because what is written down proves that the leader
// said two things, though the node ended before it could say so. ErrNotFound if there is no such action: who asks must
// not go on.
func (r Reader) ActionRevoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error) {
	var revoked bool
	err := r.db.QueryRowContext(ctx, actionRevoked, height(window), wallet[:]).Scan(&revoked)
	if errors.Is(err, sql.ErrNoRows) {
		err = noAction(wallet, window)
	}
	return revoked, wrap("read revocation", err)
}

// actionRevoked counts what the window's leader said: the statements kept of it, which differ, and our own proposal, which
// is there only if we led. That one is among the statements, too, if an instance heard it from another one while the
// database did not know of it: it counts once.
const actionRevoked = `SELECT a.revoked OR 2 <=
		(SELECT COUNT(*) FROM statements s JOIN results r ON r.block = s.block AND r.wallet = s.wallet
			WHERE s.block = a.block AND s.wallet = a.wallet AND s.author = r.leader
				AND NOT EXISTS (SELECT 1 FROM own_proposals o WHERE o.block = s.block AND o.wallet = s.wallet AND o.payload = s.payload))
		+ (SELECT COUNT(*) FROM own_proposals o WHERE o.block = a.block AND o.wallet = a.wallet)
	FROM actions a WHERE a.block = $1 AND a.wallet = $2`

func noAction(wallet chain.WalletID, window chain.Height) error {
	return fmt.Errorf("%w: action of wallet %v in window %d", ErrNotFound, wallet, window)
}

// Actions returns the actions that a filter selects, newest window first.
func (r Reader) Actions(ctx context.Context, filter ActionFilter) ([]Action, error) {
	actions, err := selectActions(ctx, r.db, filter)
	return actions, wrap("read actions", err)
}

const selectAction = `SELECT block, wallet, proposal, start_block, expiry_block, started_at, outcome, detail, finished_at, revoked FROM actions`

func selectActions(ctx context.Context, db querier, filter ActionFilter) ([]Action, error) {
	var where conditions
	where.scope("block", "block", filter.Wallet, filter.From, filter.To)
	if filter.Finished != nil {
		where.add("finished =", *filter.Finished)
	}
	rows, err := db.QueryContext(ctx, selectAction+where.sql()+` ORDER BY block DESC, wallet`+where.limit(filter.Limit), where.args...)
	return collect(rows, err, scanAction)
}

func scanAction(row scanner) (Action, error) {
	var (
		a       Action
		message []byte
	)
	err := row.Scan((*height)(&a.Window), fixed(a.Wallet[:]), &message, (*height)(&a.Start), (*height)(&a.Expiry),
		(*height)(&a.StartedAt), &a.Outcome, &a.Detail, (*height)(&a.FinishedAt), &a.Revoked)
	if err != nil {
		return a, err
	}
	a.Proposal, err = decodeProposal(a.Wallet, a.Window, message)
	if err == nil && a.Proposal == nil {
		err = fmt.Errorf("%w: action of wallet %v in window %d has no proposal", ErrCorrupt, a.Wallet, a.Window)
	}
	return a, err
}

// ErrNotRetryable says that an action is not to be tried again: it is pending, was carried out, refused or revoked, or its blocks
// are over.
var ErrNotRetryable = errors.New("the action cannot be tried again")

// RetryAction makes an action pending again whose outcome is action.Outcome.Retryable, and returns its order. It is asked at a
// height. ErrNotRetryable if it must not be; ErrNotFound if there is no such action.
func (s scribe) RetryAction(ctx context.Context, wallet chain.WalletID, window, at chain.Height) (o proposal.Order, err error) {
	err = s.write(ctx, "retry action", wallet, func(ctx context.Context, tx *sql.Tx) error {
		a, err := scanAction(tx.QueryRowContext(ctx, selectAction+` WHERE block = $1 AND wallet = $2`+s.at.dialect().lock, height(window), wallet[:]))
		if errors.Is(err, sql.ErrNoRows) {
			return noAction(wallet, window)
		}
		if err != nil {
			return err
		}
		revoked := false
		if err := tx.QueryRowContext(ctx, actionRevoked, height(window), wallet[:]).Scan(&revoked); err != nil {
			return err
		}
		switch {
		case !a.Finished():
			return fmt.Errorf("%w: it has no outcome yet", ErrNotRetryable)
		case revoked:
			return fmt.Errorf("%w: it is revoked", ErrNotRetryable)
		case !action.Outcome(a.Outcome).Retryable():
			return fmt.Errorf("%w: it ended as %s", ErrNotRetryable, a.Outcome)
		case at >= a.SigningEnd():
			return fmt.Errorf("%w: its last block for signing was %d, and now it is block %d", ErrNotRetryable, a.SigningEnd(), at)
		}
		o = a.Order
		_, err = tx.ExecContext(ctx, `UPDATE actions SET finished = FALSE, outcome = '', detail = '', finished_at = 0 WHERE block = $1 AND wallet = $2`,
			height(window), wallet[:])
		if err != nil {
			return err
		}
		return s.teller.tell(ctx, Tiding{Wallet: wallet, Window: window, Retried: &Retried{At: at}})
	})
	return o, err
}
