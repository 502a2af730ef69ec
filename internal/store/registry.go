package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// registry keeps the wallets in which an operator holds a seat, archived ones too: what was attested of them stays. A wallet that was
// imported never changes and is never deleted, so one more is all that can happen to them, or another database.
type registry struct {
	mu   sync.Mutex
	of   census
	ours []chain.Wallet
}

// census tells one set of wallets from another.
type census struct {
	wallets int64
	newest  int64 // when the newest one was imported
}

// wallets returns them in the order of their IDs; they are read if there are others than before. The slice is not to be changed.
func (r *registry) wallets(ctx context.Context, tx *sql.Tx, self chain.Operator) ([]chain.Wallet, error) {
	var now census
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MAX(imported_time), 0) FROM wallets`).Scan(&now.wallets, &now.newest)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now == r.of {
		return r.ours, nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT wallet, public_key, roster, imported_time, archived FROM wallets ORDER BY wallet`)
	records, err := collect(rows, err, scanWallet)
	if err != nil {
		return nil, err
	}
	var ours []chain.Wallet
	for _, record := range records {
		if record.Holds(self) {
			ours = append(ours, record.Wallet)
		}
	}
	// Of what another snapshot found meanwhile nothing is lost: the next one that differs reads again.
	r.of, r.ours = now, ours
	return ours, nil
}
