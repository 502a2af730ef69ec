package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// A process that is stopped amid a transaction has the wallet's row to itself, and no lease any more.
func TestAFrozenProcessKeepsNoWallet(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	s := openCluster(t, mustRemote(t, dsn))
	frozen := openCluster(t, mustRemote(t, dsn))
	f := given(t, s, joined(t, s, "a"), walletA)
	tx, err := frozen.lines.claims.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = proved(t.Context(), tx, frozen.at.dialect(), f)
	require.NoError(t, err)

	pgtest.Exec(t, dsn, `UPDATE instances SET expires = 0`)
	b := joined(t, s, "b")
	move := []cluster.Move{{Wallet: f.Wallet, From: f.Holder, Epoch: f.Epoch, To: b.Holder, Cause: cluster.CauseOrphan}}
	require.Eventually(t, func() bool {
		_, _ = s.Move(t.Context(), b, move, 0) // a keeper tries again, too
		return viewOf(t, s).Wallets[0].Owner == b.Holder
	}, 2*time.Minute, 10*time.Millisecond)

	_, err = tx.ExecContext(t.Context(), `DELETE FROM owners`)
	require.Error(t, err, "what it goes on with is nothing any more")
	require.Error(t, tx.Commit())
	_, err = frozen.Claim(t.Context(), f, 900)
	require.ErrorIs(t, err, cluster.ErrFenced, "and the next transaction finds out why")
	require.Len(t, viewOf(t, s).Wallets, 1)
}
