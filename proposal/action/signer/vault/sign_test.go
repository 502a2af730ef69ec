package vault

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestVaultsGenerateAKeyAndSignWithIt(t *testing.T) {
	r := newRig(t, 1, 1, 1)
	key := r.generate(signer.FROST, 2)
	r.at(firstWindow)
	r.sign(key, r.heartbeat(key, firstWindow, 1))
	r.at(firstWindow + 900)
	r.sign(key, r.redemption(key, firstWindow+900, coins(key, 500_000, 1), script(1), script(2)))

	got, err := r.houses[0].vault.Key(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Equal(t, signer.KeyActive, got.State)
	require.EqualValues(t, 2, got.Signatures)
	require.Equal(t, firstWindow+900, got.LastWindow)
	p, err := r.houses[0].vault.Protection(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.Len(t, p.Slots, 2)
	require.Len(t, p.Outpoints, 1)
}

// An operator's own seats talk to each other within its vault; between vaults there is one bundle for each operator.
func TestAVaultRunsAllSeatsOfItsOperator(t *testing.T) {
	r := newRig(t, 3, 1, 3)
	key := r.generate(signer.FROST, 4)
	r.at(firstWindow)
	p := r.heartbeat(key, firstWindow, 1)
	r.sign(key, p)
	got, err := r.houses[0].vault.Key(t.Context(), key.Wallet)
	require.NoError(t, err)
	require.EqualValues(t, 3, got.Signatures, "one for each seat")
}

// An operator may hold all seats that sign: then nobody else is asked.
func TestOneVaultCanHoldAllSigners(t *testing.T) {
	r := newRig(t, 3, 1)
	key := r.generate(signer.FROST, 2)
	r.at(firstWindow)
	r.sign(key, r.heartbeat(key, firstWindow, 1))
}

// A wallet of one operator alone needs nobody at all, not even for its key.
func TestOneVaultCanHoldAWholeWallet(t *testing.T) {
	r := newRig(t, 3)
	key := r.generate(signer.FROST, 2)
	r.at(firstWindow)
	r.sign(key, r.heartbeat(key, firstWindow, 1))
}
