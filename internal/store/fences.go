package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
)

// checkFences proves in a transaction that its writer is responsible for some wallets, and returns why those fences do not
// hold that do not. The wallets' rows stay locked until the transaction ends, so that nobody is given them meanwhile. They
// are locked first, in one order whoever locks them; only then it is read whether the sessions live, for a lease may end while
// a lock is waited for.
func checkFences(ctx context.Context, tx *sql.Tx, at engine, fences []cluster.Fence) (refused map[cluster.Fence]error, err error) {
	_, refused, err = proofs(ctx, tx, at.dialect(), fences)
	return refused, err
}

// proofs is checkFences with the look at the sessions that the fences were checked with.
func proofs(ctx context.Context, tx *sql.Tx, d dialect, fences []cluster.Fence) (now sight, refused map[cluster.Fence]error, err error) {
	wallets := make([]chain.WalletID, len(fences))
	for i, f := range fences {
		wallets[i] = f.Wallet
	}
	owners, err := lockOwners(ctx, tx, d, wallets)
	if err != nil {
		return sight{}, nil, fmt.Errorf("look who has the wallet: %w", err)
	}
	if now, err = look(ctx, tx, d); err != nil {
		return sight{}, nil, fmt.Errorf("look whether the session lives: %w", err)
	}
	refused = make(map[cluster.Fence]error)
	for _, f := range fences {
		if owner := owners[f.Wallet]; owner.Owner != f.Holder || owner.Epoch != f.Epoch {
			refused[f] = fmt.Errorf("%w: it is in epoch %d, and this is written under epoch %d", cluster.ErrFenced, owner.Epoch, f.Epoch)
		} else if _, live := now.sealed(f.Seal); !live {
			refused[f] = fmt.Errorf("%w: the session is over", cluster.ErrFenced)
		}
	}
	return now, refused, nil
}
