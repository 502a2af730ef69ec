package store

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// OpenRows implements coordination.WindowLog. A window that was opened while the wallet was known, and in which nobody
// began its part, counts as open too; of those only the newest can still matter to anybody.
func (r Reader) OpenRows(ctx context.Context, wallet chain.WalletID) ([]chain.Height, error) {
	return r.openRows(ctx, wallet, 1)
}

// unjudged is how many of the newest windows an instance looks through for wallets that nobody began with: the one that their
// last owner died in, the one that siblings opened since, and one that a sibling opened whose chain is far ahead.
const unjudged = 3

// OpenRows implements coordination.WindowLog.
func (p *Pen) OpenRows(ctx context.Context, wallet chain.WalletID) ([]chain.Height, error) {
	return p.openRows(ctx, wallet, unjudged)
}

// openRows looks for parts that nobody began in a number of the newest windows.
func (r Reader) openRows(ctx context.Context, wallet chain.WalletID, newest int) ([]chain.Height, error) {
	rows, err := r.db.QueryContext(ctx, openRows, wallet[:], newest)
	blocks, err := collect(rows, err, func(row scanner) (block chain.Height, err error) {
		err = row.Scan((*height)(&block))
		return block, err
	})
	return blocks, wrap("read open windows", err)
}

const openRows = `SELECT block FROM results WHERE wallet = $1 AND NOT finished
	UNION
	SELECT win.block FROM (SELECT block, opened_time FROM windows WHERE opened_at > 0 ORDER BY block DESC LIMIT CAST($2 AS BIGINT)) win
	JOIN wallets w ON w.wallet = $1
	WHERE NOT w.archived AND w.imported_time <= win.opened_time
		AND NOT EXISTS (SELECT 1 FROM results r WHERE r.block = win.block AND r.wallet = $1)
	ORDER BY 1`
