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
