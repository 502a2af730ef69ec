package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// asked is an intent that pays 40 000 satoshi of 100 000.
func asked(t testing.TB, wallet chain.Wallet) signing.Signing {
	t.Helper()
	own := bitcoin.ScriptOf(signer.FROST, wallet.Key())
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}, Index: 3}, Sequence: wire.MaxTxInSequenceNum})
	tx.AddTxOut(wire.NewTxOut(59_000, own))
	tx.AddTxOut(wire.NewTxOut(40_000, append([]byte{0, 20}, make([]byte, 20)...)))
	var raw bytes.Buffer
	require.NoError(t, tx.SerializeNoWitness(&raw))
	return signing.Signing{
		Wallet: wallet.ID(), Window: 3600, Digest: signer.Digest{7}, BegunAt: 3700,
		Intent: signer.Intent{
			Wallet: wallet.ID(), Window: 3600, Statement: []byte("said"), Replaces: []signer.Digest{{8}},
			Transaction: &signer.Transaction{Raw: raw.Bytes(), Prevouts: []signer.Prevout{{Value: 100_000, Script: own}}},
		},
	}
}

func TestSigningsShowTransactionAndAttempts(t *testing.T) {
	w := newWorld(t)
	answer := w.send(t, http.MethodGet, "/v1/actions/3600/signings", "")
	require.Equal(t, http.StatusOK, answer.Code)
	var list view.Signings
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list))
	require.Len(t, list.Signings, 1)
	s := list.Signings[0]
	require.Equal(t, signer.Digest{7}.String(), s.Intent)
	require.Equal(t, []string{signer.Digest{8}.String()}, s.Replaces)
	require.False(t, s.Transaction.Signed)
	require.Equal(t, int64(1000), s.Transaction.Fee)
	require.Equal(t, []view.Output{
		{Value: 59_000, Script: s.Transaction.Outputs[0].Script, Type: "witness_v1_taproot", Change: true},
		{Value: 40_000, Script: "0014" + "0000000000000000000000000000000000000000", Type: "witness_v0_keyhash"},
	}, s.Transaction.Outputs)
	require.Equal(t, []chain.Operator{{3}}, s.Attempts[0].Absent)
	require.Equal(t, []int{1, 2}, s.Attempts[0].Signers)
	require.Equal(t, []string{"01", "02"}, s.Blames[0].Proof)
	require.Nil(t, s.FinishedAt)
	require.Nil(t, s.Signature)
	require.Nil(t, s.Inactivity, "nobody was found to be")

	for target, status := range map[string]int{
		"/v1/actions/4500/signings": http.StatusNotFound, "/v1/actions/3600/signings?wallet=" + chain.WalletID{9}.String(): http.StatusNotFound,
		"/v1/actions/x/signings": http.StatusBadRequest, "/v1/actions/3600/signings?wallet=1": http.StatusBadRequest,
		"/v1/actions/3600/signings?what=1": http.StatusBadRequest,
	} {
		require.Equal(t, status, w.send(t, http.MethodGet, target, "").Code, target)
	}
}

func TestAnActionIsTriedAgainWhereItsWalletIsServed(t *testing.T) {
	w := newWorld(t)
	id := w.live.wallet.ID()
	target := "/v1/actions/3600/retry?wallet=" + id.String()
	answer := w.send(t, http.MethodPost, target, "")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body)
	require.Equal(t, []chain.WalletID{id}, w.live.retried)
	var list view.Actions
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &list))
	require.Len(t, list.Actions, 1)

	w.live.err = store.ErrNotRetryable
	answer = w.send(t, http.MethodPost, target, "")
	require.Equal(t, http.StatusConflict, answer.Code)
	require.Contains(t, answer.Body.String(), "not_retryable")
	for bad, status := range map[string]int{
		"/v1/actions/900/retry?wallet=" + id.String(): http.StatusNotFound, "/v1/actions/3600/retry": http.StatusBadRequest,
		"/v1/actions/3600/retry?wallet=zz": http.StatusBadRequest, "/v1/actions/-1/retry?wallet=" + id.String(): http.StatusBadRequest,
	} {
		require.Equal(t, status, w.send(t, http.MethodPost, bad, "").Code, bad)
	}

	w.cluster.mine = false
	w.cluster.owner.Owner, w.cluster.owner.URLs = "b", []string{"https://b.example:9602"}
	answer = w.send(t, http.MethodPost, target, "")
	require.Equal(t, http.StatusTemporaryRedirect, answer.Code)
	require.Equal(t, "https://b.example:9602"+target, answer.Header().Get("Location"))
	var owner client.Redirect
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &owner))
	require.Equal(t, "b", owner.Owner)
	require.Len(t, w.live.retried, 1)
}
