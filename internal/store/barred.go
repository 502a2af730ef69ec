package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// notBarred takes what came of inserting the row of an act, and refuses a row that was added though nothing may be done in the
// window any more. The error undoes it. Where instances share the store the wallet's row is locked, as Attest locks it before
// it looks for acts; elsewhere one change follows the other. So of silence that is attested and an act the first one stands.
func notBarred(ctx context.Context, tx *sql.Tx, wallet chain.WalletID, window chain.Height, done sql.Result, err error) error {
	if added, err := inserted(done, err); err != nil || !added {
		return err
	}
	return barred(ctx, tx, wallet, window)
}

// barred returns signing.ErrBarred if this operator has attested that it heard nothing in a wallet's window, or that it has
// attested something of the window and lost what it was. What was attested as heard bars no act that rests on it.
func barred(ctx context.Context, tx *sql.Tx, wallet chain.WalletID, window chain.Height) error {
	var silent, lost int64
	err := tx.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM entries WHERE block = $1 AND wallet = $2 AND status IN ($3, $4)),
		(SELECT COUNT(*) FROM heads WHERE block = $1 AND lost)`,
		height(window), wallet[:], int64(evidence.None), int64(evidence.Late)).Scan(&silent, &lost)
	switch {
	case err != nil:
		return err
	case silent > 0:
		return fmt.Errorf("%w: it has attested that the leader was silent", signing.ErrBarred)
	case lost > 0:
		return fmt.Errorf("%w: its head of the window was sent, and lost with data", signing.ErrBarred)
	}
	return nil
}
