package view

import (
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// A store alone knows which signer holds a wallet's shares, and what was written down of that.
func TestAStoreTellsWhyAWalletCannotBeSignedFor(t *testing.T) {
	s := openTest(t)
	key, err := crypto.GenerateKey()
	require.NoError(t, err)
	w, err := chain.NewWallet(chain.PublicKey(crypto.FromECDSAPub(&key.PublicKey)), []chain.Operator{{1}})
	require.NoError(t, err)
	require.NoError(t, s.ImportWallet(t.Context(), w, time.Now()))
	records := Records{Store: s.Reader}
	shown := func() Wallet {
		t.Helper()
		one, err := records.Wallet(t.Context(), w.ID())
		require.NoError(t, err)
		list, err := records.Wallets(t.Context())
		require.NoError(t, err)
		require.Equal(t, []Wallet{one}, list.Wallets)
		return one
	}
	require.Nil(t, shown().Signer)
	require.Contains(t, *shown().Unsignable, placement.ErrNoSigner.Error())

	session := signer.SessionID{1}
	_, err = s.Assign(t.Context(), session, "enclave-1", placement.Derived)
	require.NoError(t, err)
	require.Nil(t, shown().Signer, "a key generation that is under way is no signer")
	require.NoError(t, s.Confirm(t.Context(), session, w.ID()))
	require.Equal(t, "enclave-1", *shown().Signer)
	require.Nil(t, shown().Unsignable)

	require.NoError(t, s.Say(t.Context(), "enclave-1", placement.Failed, "operator", false))
	require.Contains(t, *shown().Unsignable, "declared failed")
	require.NoError(t, s.Observe(t.Context(), []placement.Observed{{Session: session, Missing: true}}))
	require.Contains(t, *shown().Unsignable, "missing")
}

func TestWhatASignerDoesNotTellIsNull(t *testing.T) {
	doc := NewSigners([]placement.Status{{Spec: placement.Spec{ID: "a"}, Word: placement.Word{State: placement.Active}, Standing: placement.Unknown}}).Signers[0]
	require.Nil(t, doc.By)
	require.Nil(t, doc.Since)
	require.Nil(t, doc.Identity)
	require.Nil(t, doc.SeenAt)
	require.Nil(t, doc.Capacity)
	require.NotNil(t, doc.Schemes)
	require.NotNil(t, doc.Findings)
}

func openTest(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: t.TempDir()}, 1, chain.Hash{1}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
