package view_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// A wallet tells how its key was made, once all operators have signed it, and only of the wallet that is asked for.
func TestWalletTellsHowItsKeyWasMade(t *testing.T) {
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{DSN: t.TempDir()}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	secret := secp256k1.PrivKeyFromBytes([]byte{1})
	self := wire.PublicKeyOf(secret)
	wallet, err := chain.NewWallet(chain.PublicKey(self.Uncompressed()), []chain.Operator{self.Operator(), self.Operator(), {2}})
	require.NoError(t, err)
	require.NoError(t, s.ImportWallet(ctx, wallet, time.Unix(5, 0)))
	inv := keygen.Invitation{
		Terms:   keygen.Terms{ChainID: 1, Genesis: chain.Hash{1}, Roster: wallet.Roster(), Threshold: 2, Scheme: signer.CMP},
		Expires: time.Unix(9, 0),
	}
	doc, err := keygen.SignInvitation(secret, inv)
	require.NoError(t, err)
	row := keygen.Row{Session: inv.Session(), Invitation: doc, State: keygen.Attesting, Wallet: wallet.ID(), Created: time.Unix(1, 0), Changed: time.Unix(2, 0)}
	require.NoError(t, s.AddKeygen(ctx, row))
	records := view.Records{Store: s.Reader}
	shown, err := records.Wallet(ctx, wallet.ID())
	require.NoError(t, err)
	require.Nil(t, shown.Generated, "not all have signed it")

	row.State, row.Changed = keygen.Active, time.Unix(3, 0)
	require.NoError(t, s.SaveKeygen(ctx, row, keygen.Attesting))
	shown, err = records.Wallet(ctx, wallet.ID())
	require.NoError(t, err)
	require.Equal(t, &view.WalletOrigin{
		Session: inv.Session().String(), Scheme: "cmp", Threshold: 2, By: self.Operator(), At: view.Time(time.Unix(3, 0)),
	}, shown.Generated)
	list, err := records.Wallets(ctx)
	require.NoError(t, err)
	require.Nil(t, list.Wallets[0].Generated)
}
