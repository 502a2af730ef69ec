package store

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// OpenRows implements coordination.WindowLog. A window that was opened while the wallet was known, and in which nobody
// began its part, counts as open too; of those only the newest can still matter to anybody.
func (r Reader) OpenRows(ctx context.Context, wallet chain.WalletID) ([]chain.Height, error) {
	rows, err := r.db.QueryContext(ctx, openRows, wallet[:])
	blocks, err := collect(rows, err, func(row scanner) (block chain.Height, err error) {
		err = row.Scan((*height)(&block))
		return block, err
	})
	return blocks, wrap("read open windows", err)
}

const openRows = `SELECT block FROM results WHERE wallet = $1 AND NOT finished
	UNION
	SELECT win.block FROM windows win JOIN wallets w ON w.wallet = $1
	WHERE win.block = (SELECT MAX(block) FROM windows WHERE opened_at > 0)
		AND NOT w.archived AND w.imported_time <= win.opened_time
		AND NOT EXISTS (SELECT 1 FROM results r WHERE r.block = win.block AND r.wallet = $1)
	ORDER BY 1`
