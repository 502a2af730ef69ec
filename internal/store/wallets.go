package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// WalletRecord is a wallet as it was imported.
type WalletRecord struct {
	chain.Wallet
	ImportedAt time.Time
	Archived   bool // kept for its history; no part is taken in its windows
}

// Wallets implements coordination.Registry: the wallets that are not archived, in the order of their IDs. A node asks every few seconds, and
// each of many instances several times a second.
func (s *Store) Wallets(ctx context.Context) ([]chain.Wallet, error) {
	active, err := s.wallets.ask(ctx, s.gauge, func(ctx context.Context) ([]chain.Wallet, error) { return s.roll.active(ctx, s.Reader) })
	return slices.Clone(active), wrap("look which wallets there are", err)
}

// Wallets returns the wallets that are not archived, in the order of their IDs.
func (r Reader) Wallets(ctx context.Context) ([]chain.Wallet, error) {
	records, err := r.AllWallets(ctx)
	if err != nil {
		return nil, err
	}
	return activeOf(records), nil
}

func activeOf(records []WalletRecord) []chain.Wallet {
	active := make([]chain.Wallet, 0, len(records))
	for _, record := range records {
		if !record.Archived {
			active = append(active, record.Wallet)
		}
	}
	return active
}

// AllWallets returns every wallet, archived ones included, in the order of their IDs.
func (r Reader) AllWallets(ctx context.Context) ([]WalletRecord, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT wallet, public_key, roster, imported_time, archived FROM wallets ORDER BY wallet`)
	records, err := collect(rows, err, scanWallet)
	return records, wrap("read wallets", err)
}

// ImportWallet stores a wallet's roster. The same wallet again changes nothing; errOtherRoster, with the first difference, if
// the wallet is known with another roster.
func (s *Store) ImportWallet(ctx context.Context, w chain.Wallet, at time.Time) error {
	id, key := w.ID(), w.Key()
	if w.Seats() == 0 {
		return errors.New("import wallet: no wallet")
	}
	return s.writes.do(ctx, "import wallet "+id.String(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO wallets (wallet, public_key, roster, archived, imported_time) VALUES ($1, $2, $3, FALSE, $4)
			ON CONFLICT (wallet) DO NOTHING`, id[:], key[:], encodeRoster(w.Roster()), instant(at))
		if err != nil {
			return err
		}
		known, err := scanWallet(tx.QueryRowContext(ctx,
			`SELECT wallet, public_key, roster, imported_time, archived FROM wallets WHERE wallet = $1`, id[:]))
		if err != nil {
			return err
		}
		return sameRoster(known.Wallet, w)
	})
}

// ArchiveWallet takes a wallet out of the registry of those that part is taken in, or back into it; its history stays.
// What is open goes on to its end. ErrNotFound if there is no such wallet.
func (s *Store) ArchiveWallet(ctx context.Context, id chain.WalletID, archived bool) error {
	return s.writes.do(ctx, "archive wallet "+id.String(), func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE wallets SET archived = $1 WHERE wallet = $2`, archived, id[:])
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 1 {
			return err
		}
		return fmt.Errorf("%w: wallet %v was never imported", ErrNotFound, id)
	})
}

// sameRoster names the first seat at which two rosters differ.
func sameRoster(known, offered chain.Wallet) error {
	if known.Seats() != offered.Seats() {
		return fmt.Errorf("%w: %d seats are stored, %d offered", errOtherRoster, known.Seats(), offered.Seats())
	}
	theirs := offered.Roster()
	for i, holder := range known.Roster() {
		if holder != theirs[i] {
			return fmt.Errorf("%w: seat %d is stored as held by %v, offered as held by %v", errOtherRoster, i+1, holder, theirs[i])
		}
	}
	return nil
}

func encodeRoster(roster []chain.Operator) []byte {
	packed := make([]byte, 0, len(roster)*len(chain.Operator{}))
	for _, op := range roster {
		packed = append(packed, op[:]...)
	}
	return packed
}

func scanWallet(row scanner) (WalletRecord, error) {
	var (
		record WalletRecord
		id     chain.WalletID
		key    chain.PublicKey
		roster []byte
	)
	if err := row.Scan(fixed(id[:]), fixed(key[:]), &roster, (*instant)(&record.ImportedAt), &record.Archived); err != nil {
		return record, err
	}
	var err error
	record.Wallet, err = decodeWallet(id, key, roster)
	return record, err
}

// decodeWallet rebuilds a wallet. That the key hashes to the ID shows that it is the point that was checked at import.
func decodeWallet(id chain.WalletID, key chain.PublicKey, packed []byte) (chain.Wallet, error) {
	size := len(chain.Operator{})
	if len(packed)%size != 0 || key.Hash() != id {
		return chain.Wallet{}, fmt.Errorf("%w: wallet %v", ErrCorrupt, id)
	}
	var roster []chain.Operator
	for ; len(packed) > 0; packed = packed[size:] {
		roster = append(roster, chain.Operator(packed[:size]))
	}
	w, err := chain.NewWallet(key, roster)
	if err != nil {
		return chain.Wallet{}, fmt.Errorf("%w: wallet %v: %w", ErrCorrupt, id, err)
	}
	return w, nil
}
