package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// checkFence proves in a transaction that its writer is responsible for a wallet; cluster.ErrFenced if it is not. The
// wallet's row stays locked until the transaction ends, so that nobody is given the wallet meanwhile.
func checkFence(ctx context.Context, tx *sql.Tx, at engine, f cluster.Fence) error {
	refused, err := checkFences(ctx, tx, at, []cluster.Fence{f})
	return errors.Join(err, refused[f])
}

// checkFences proves several fences at once, and returns why those do not hold that do not. The wallets' rows are locked
// first, in one order whoever locks them; only then it is read whether the sessions live, for a lease may end while a lock
// is waited for.
func checkFences(ctx context.Context, tx *sql.Tx, at engine, fences []cluster.Fence) (refused map[cluster.Fence]error, err error) {
	owners, err := lockOwners(ctx, tx, at.dialect(), fences)
	if err != nil {
		return nil, fmt.Errorf("look who has the wallet: %w", err)
	}
	refused = make(map[cluster.Fence]error)
	sessions := make(map[cluster.Seal]bool)
	for _, f := range fences {
		if owner := owners[f.Wallet]; owner.Owner != f.Holder || owner.Epoch != f.Epoch {
			refused[f] = fmt.Errorf("%w: it is in epoch %d, and this is written under epoch %d", cluster.ErrFenced, owner.Epoch, f.Epoch)
			continue
		}
		live, asked := sessions[f.Seal]
		if !asked {
			if live, err = sealHolds(ctx, tx, at, f.Seal); err != nil {
				return nil, fmt.Errorf("look whether the session lives: %w", err)
			}
			sessions[f.Seal] = live
		}
		if !live {
			refused[f] = fmt.Errorf("%w: the session is over", cluster.ErrFenced)
		}
	}
	return refused, nil
}

// lockOwners reads who is responsible for the fences' wallets, and keeps it so until the transaction ends.
func lockOwners(ctx context.Context, tx *sql.Tx, d dialect, fences []cluster.Fence) (map[chain.WalletID]cluster.Assignment, error) {
	var in conditions
	marks := make([]string, len(fences))
	for i, f := range fences {
		marks[i] = in.placeholder(f.Wallet[:])
	}
	rows, err := tx.QueryContext(ctx, `SELECT wallet, owner, boot, epoch FROM owners WHERE wallet IN (`+strings.Join(marks, ", ")+`)
		ORDER BY wallet`+d.lock, in.args...)
	found, err := collect(rows, err, scanOwner)
	owners := make(map[chain.WalletID]cluster.Assignment, len(found))
	for _, a := range found {
		owners[a.Wallet] = a
	}
	return owners, err
}

func scanOwner(row scanner) (a cluster.Assignment, err error) {
	err = row.Scan(fixed(a.Wallet[:]), (*string)(&a.Owner.Instance), fixed(a.Owner.Boot[:]), &a.Epoch)
	return a, err
}

// sealHolds reports whether a session lives: its row is there, of the present generation, and its lease not over by the
// database's clock.
func sealHolds(ctx context.Context, tx *sql.Tx, at engine, s cluster.Seal) (holds bool, err error) {
	d := at.dialect()
	err = tx.QueryRowContext(ctx, `SELECT expires > `+d.now+` AND generation = `+d.generation+`
		FROM instances WHERE instance = $1 AND boot = $2 AND generation = $3`,
		string(s.Instance), s.Boot[:], string(s.Generation)).Scan(&holds)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return holds, err
}
