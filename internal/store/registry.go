package store

import (
	"context"
	"database/sql"
	"sync"
	"time"

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

// roll keeps the wallets as they were read, so that whoever asks which there are is told in a few bytes for each: a roster is two kilobytes, and
// its key takes longer to decode than the row to read. What was imported under an ID at a time never changes.
type roll struct {
	mu    sync.Mutex
	known map[chain.WalletID]WalletRecord
}

// active returns the wallets that are not archived, in the order of their IDs.
func (r *roll) active(ctx context.Context, from Reader) ([]chain.Wallet, error) {
	rows, err := from.db.QueryContext(ctx, `SELECT wallet, imported_time, archived FROM wallets ORDER BY wallet`)
	entries, err := collect(rows, err, func(row scanner) (e rollEntry, err error) {
		return e, row.Scan(fixed(e.id[:]), (*instant)(&e.importedAt), &e.archived)
	})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	known := r.known
	r.mu.Unlock()
	active, complete := called(entries, known)
	if complete {
		return active, nil
	}
	records, err := from.AllWallets(ctx)
	if err != nil {
		return nil, err
	}
	known = make(map[chain.WalletID]WalletRecord, len(records))
	for _, record := range records {
		known[record.ID()] = record
	}
	r.mu.Lock()
	r.known = known
	r.mu.Unlock()
	return activeOf(records), nil
}

// rollEntry is what tells one imported wallet from another, and whether it is archived now.
type rollEntry struct {
	id         chain.WalletID
	importedAt time.Time
	archived   bool
}

// called returns the wallets of those entries that are not archived; false if one of them is not known.
func called(entries []rollEntry, known map[chain.WalletID]WalletRecord) (active []chain.Wallet, complete bool) {
	active = make([]chain.Wallet, 0, len(entries))
	for _, e := range entries {
		record, found := known[e.id]
		switch {
		case !found || !record.ImportedAt.Equal(e.importedAt):
			return nil, false
		case !e.archived:
			active = append(active, record.Wallet)
		}
	}
	return active, true
}
