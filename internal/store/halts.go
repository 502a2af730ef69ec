package store

import (
	"context"
	"database/sql"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
)

// Halts implements shared.Store.
func (r Reader) Halts(ctx context.Context) ([]shared.Halt, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT wallet, block, reason, issuer, since FROM halts ORDER BY since, wallet`)
	halts, err := collect(rows, err, func(row scanner) (h shared.Halt, err error) {
		err = row.Scan(fixed(h.Wallet[:]), (*height)(&h.Window), &h.Reason, &h.By, (*micros)(&h.Since))
		return h, err
	})
	return halts, wrap("read stopped wallets", err)
}

// AddHalt implements shared.Store. It asks for no fence: who hears the operator's key speak elsewhere stops the wallet
// whoever serves it.
func (s *Store) AddHalt(ctx context.Context, h shared.Halt) error {
	return s.writes.do(ctx, "stop wallet "+h.Wallet.String(), func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO halts (wallet, block, reason, issuer, since) VALUES ($1, $2, $3, $4, `+s.at.dialect().now+`)
			ON CONFLICT (wallet) DO NOTHING`, h.Wallet[:], height(h.Window), brief(h.Reason), brief(h.By))
		if err != nil {
			return err
		}
		if rows, err := done.RowsAffected(); err != nil || rows == 0 {
			return err
		}
		return bump(ctx, tx, shared.TopicHalts)
	})
}

// RemoveHalt implements shared.Store.
func (s *Store) RemoveHalt(ctx context.Context, wallet chain.WalletID) error {
	return s.writes.do(ctx, "resume wallet "+wallet.String(), func(ctx context.Context, tx *sql.Tx) error {
		if err := removeOne(ctx, tx, shared.ErrNotHalted, `DELETE FROM halts WHERE wallet = $1`, wallet[:]); err != nil {
			return err
		}
		return bump(ctx, tx, shared.TopicHalts)
	})
}
