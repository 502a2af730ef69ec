package main

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/btcsuite/btcd/wire"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

func TestActionsShowPrintsTheTransactionAndTheAttempts(t *testing.T) {
	node := newRunning(t)
	node.history(t)
	id, err := chain.ParseWalletID(walletID)
	require.NoError(t, err)
	other, err := chain.ParseOperator(theirs)
	require.NoError(t, err)
	own := append([]byte{0x51, 32}, make([]byte, 32)...)
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(&wire.TxIn{PreviousOutPoint: wire.OutPoint{Hash: [32]byte{1}, Index: 3}, Sequence: wire.MaxTxInSequenceNum})
	tx.AddTxOut(wire.NewTxOut(58_766, own))
	tx.AddTxOut(wire.NewTxOut(40_000, append([]byte{0, 20}, make([]byte, 20)...)))
	var raw bytes.Buffer
	require.NoError(t, tx.SerializeNoWitness(&raw))
	require.NoError(t, node.store.SaveIntent(t.Context(), signing.Signing{
		Wallet: id, Window: 3600, Digest: signer.Digest{7}, BegunAt: 3700,
		Intent: signer.Intent{Wallet: id, Window: 3600, Transaction: &signer.Transaction{Raw: raw.Bytes(), Prevouts: []signer.Prevout{{Value: 100_000, Script: own}}}},
	}))
	require.NoError(t, node.store.EndAttempt(t.Context(), id, 3600, signing.Attempt{
		Number: 1, Begun: 3700, Ended: 3736, Coordinator: other, Signers: []int{1, 3}, Active: 2, Absent: []chain.Operator{other},
		Result: signing.ResultUnsound, Detail: "not a \x1b[2J signature",
	}, []signing.Blame{{Attempt: 1, Operator: other, Misdeed: signing.MisdeedBundles, Detail: "it signed two bundles of one round", Proof: [][]byte{{1}, {2}}}}))
	require.NoError(t, node.store.SaveInactivity(t.Context(), id, 3600, signing.Absence{Seats: []chain.Seat{2, 4}, Operators: []chain.Operator{other}}, 3740))

	text := succeed(t, "", "actions", "show", "3600", "--data-dir", node.dir, "--offline")
	for _, want := range []string{
		"intent    " + signer.Digest{7}.String(), "transaction " + tx.TxID() + ", not signed, fee 1234 sat",
		"    hex       " + hex.EncodeToString(raw.Bytes()) + "\n",
		"58766 sat to 5120", "witness_v1_taproot, back to the wallet", "40000 sat to 0014", "witness_v0_keyhash)",
		"attempt 1, blocks 3700 to 3736: unsound", "seats there 2, signers 1, 3", "absent      " + theirs, "blamed    " + theirs + " in attempt 1: two_bundles",
		"one round; the proof could not be checked by the wallet's roster, or does not hold",
		"inactive  seats 2, 4 of " + theirs + ": absent from several poor heartbeats in a row, noted at block 3740",
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "\x1b", "a detail cannot command the terminal")
	doc := document(t, succeed(t, "", "actions", "show", "3600", "--data-dir", node.dir, "--offline", "--json"))
	require.Len(t, doc["actions"], 1)
	require.Len(t, doc["signings"], 1)
	signed, ok := doc["signings"].([]any)[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, map[string]any{"seats": []any{2.0, 4.0}, "operators": []any{theirs}, "noted_block": float64(3740)}, signed["inactivity"])
	require.Equal(t, false, signed["others_signed"])

	// Its own signer was out of reach; the others signed all the same. Who wants to send the transaction finds it here.
	tx.TxIn[0].Witness = wire.TxWitness{bytes.Repeat([]byte{0x5a}, 64)}
	var whole bytes.Buffer
	require.NoError(t, tx.Serialize(&whole))
	require.NoError(t, node.store.FinishAction(t.Context(), id, 3600, action.SignerUnavailable, "connection refused", 3741))
	require.NoError(t, node.store.SaveSigned(t.Context(), id, 3600, signing.Success{Raw: whole.Bytes(), TxHash: signer.Digest(tx.TxHash()), At: 3742}))
	text = succeed(t, "", "actions", "show", "3600", "--data-dir", node.dir, "--offline")
	for _, want := range []string{
		"outcome   signer_unavailable", "transaction " + tx.TxID() + ", signed", "    hex       " + hex.EncodeToString(whole.Bytes()) + "\n",
		"signed    by the other operators; this node heard",
	} {
		require.Contains(t, text, want)
	}
}
