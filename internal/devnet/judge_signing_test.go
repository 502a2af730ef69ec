package devnet

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// mainOf is a wallet's main UTXO on paper.
func mainOf(i int) chain.UTXO {
	return chain.UTXO{TxHash: [32]byte{7, byte(i)}, Index: 3, Value: 20_000_000}
}

// secretOf is the key of a world's wallet.
func secretOf(t *testing.T, seed uint64, i int) *btcec.PrivateKey {
	t.Helper()
	secret, err := derive("wallet", lot{seed: seed}, i)
	require.NoError(t, err)
	key, _ := btcec.PrivKeyFromBytes(crypto.FromECDSA(secret))
	return key
}

func ownScript(w chain.Wallet) []byte {
	key := w.Key()
	return append([]byte{0x51, 0x20}, key[1:33]...)
}

// redeem builds and signs the redemption that calm's proposal means, counted by hand: two requests of 5,000,000 satoshi, of which the
// treasury keeps 5,000 each, at a fee of 1630.
func redeem(t *testing.T, w *world, i int, key *btcec.PrivateKey, change func(*wire.MsgTx)) *wire.MsgTx {
	t.Helper()
	e := w.stage.elections[i]
	tx := unsignedOf(w, i, ownScript(e.wallet))
	if change != nil {
		change(tx)
	}
	spent := txscript.NewCannedPrevOutputFetcher(ownScript(e.wallet), 20_000_000)
	hash, err := txscript.CalcTaprootSignatureHash(txscript.NewTxSigHashes(tx, spent), txscript.SigHashDefault, tx, 0, spent)
	require.NoError(t, err)
	signature, err := schnorr.Sign(key, hash)
	require.NoError(t, err)
	tx.TxIn[0].Witness = wire.TxWitness{signature.Serialize()}
	return tx
}

// unsignedOf is the same before it is signed, with the change going to a script.
func unsignedOf(w *world, i int, own []byte) *wire.MsgTx {
	due, main := w.stage.elections[i].due, mainOf(i)
	tx := wire.NewMsgTx(1)
	tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Hash: main.TxHash, Index: main.Index}, nil, nil))
	tx.AddTxOut(wire.NewTxOut(20_000_000-2*4_995_000, own))
	tx.AddTxOut(wire.NewTxOut(4_995_000-815, due[0]))
	tx.AddTxOut(wire.NewTxOut(4_995_000-815, due[1]))
	return tx
}

// signingOf is what a node records of a signed transaction.
func signingOf(t *testing.T, e election, window chain.Height, tx *wire.MsgTx) signing.Signing {
	t.Helper()
	var raw bytes.Buffer
	require.NoError(t, tx.Serialize(&raw))
	return signing.Signing{
		Wallet: e.wallet.ID(), Window: window, Digest: signer.Digest{1}, Intent: signer.Intent{Transaction: &signer.Transaction{}},
		Signed: raw.Bytes(), TxHash: signer.Digest(tx.TxHash()), FinishedAt: window + 105,
	}
}

// signedWindow returns the facts of a calm window in which every node recorded that everything was signed.
func signedWindow(t *testing.T, seed, index uint64) (*world, facts) {
	t.Helper()
	w := newWorld(t, seed, index)
	f := w.perfect(t, "calm")
	for i, e := range w.stage.elections {
		purse := &purse{Main: mainOf(i), Threshold: 6}
		for _, script := range e.due {
			purse.Requests = append(purse.Requests, chain.RedemptionRequest{Script: script, RequestedAmount: 5_000_000, TreasuryFee: 5_000, TxMaxFee: 10_000})
		}
		f.Wallets[i].Purse = purse
		tx := redeem(t, w, i, secretOf(t, seed, i), nil)
		for n := range f.Nodes {
			f.Nodes[n].Signings = append(f.Nodes[n].Signings, signingOf(t, e, f.Window.Block, tx))
			f.Nodes[n].Detail.Wallets[i].Action.Outcome = "ok"
		}
	}
	return w, f
}

func TestTheJudgeIsSatisfiedByWhatIsSignedAsItMustBe(t *testing.T) {
	for seed := range uint64(6) { // keys of either parity are among them
		_, f := signedWindow(t, seed, 1)
		require.Empty(t, differences("calm", f))
		for _, w := range f.Wallets {
			require.NotNil(t, f.paid(w))
		}
	}
}

// What is wrong on the last of five nodes alone, with its first wallet, is told of it.
func TestTheJudgeRefusesWhatIsSignedOtherwise(t *testing.T) {
	const seed = 1
	at := func(f *facts) *signing.Signing { return &f.Nodes[4].Signings[0] }
	row := func(f *facts) *string { return &f.Nodes[4].Detail.Wallets[0].Action.Outcome }
	for name, c := range map[string]struct {
		change func(*world, *facts)
		want   string
	}{
		"one byte of the signature": {func(_ *world, f *facts) {
			s := at(f)
			s.Signed = slices.Clone(s.Signed)
			s.Signed[len(s.Signed)-5] ^= 1 // the last of the witness; the lock time follows
		}, "its signature"},
		"somebody else's signature": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 1), nil))
		}, "its signature"},
		"one satoshi less for a redeemer": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 0), func(tx *wire.MsgTx) {
				tx.TxOut[0].Value++
				tx.TxOut[1].Value--
			}))
		}, "it pays "},
		"an output too many": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 0), func(tx *wire.MsgTx) {
				tx.TxOut[0].Value -= 1000
				tx.AddTxOut(wire.NewTxOut(1000, payout(9)))
			}))
		}, "it pays "},
		"another input": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 0), func(tx *wire.MsgTx) {
				tx.TxIn[0].PreviousOutPoint.Index++
			}))
		}, "does not spend the main UTXO"},
		"an input too many": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 0), func(tx *wire.MsgTx) {
				tx.AddTxIn(wire.NewTxIn(&wire.OutPoint{Index: 1}, nil, nil))
			}))
		}, "does not spend the main UTXO"},
		"another transaction, as valid": {func(w *world, f *facts) {
			*at(f) = signingOf(t, w.stage.elections[0], f.Window.Block, redeem(t, w, 0, secretOf(t, seed, 0), func(tx *wire.MsgTx) { tx.LockTime = 1 }))
		}, "another node"},
		"another hash":      {func(_ *world, f *facts) { at(f).TxHash[0] ^= 1 }, "under another hash"},
		"bytes behind it":   {func(_ *world, f *facts) { at(f).Signed = append(slices.Clone(at(f).Signed), 0) }, "bytes follow"},
		"nothing is signed": {func(_ *world, f *facts) { at(f).Signed = nil }, "nothing is signed"},
		"a row is missing":  {func(_ *world, f *facts) { f.Nodes[4].Signings = f.Nodes[4].Signings[1:] }, "nothing is signed"},
		"no signer":         {func(_ *world, f *facts) { *row(f) = "no_signer" }, `ended in "no_signer"`},
		"no end":            {func(_ *world, f *facts) { *row(f) = "" }, `ended in ""`},
		"no action":         {func(_ *world, f *facts) { f.Nodes[4].Detail.Wallets[0].Action = nil }, "has no action"},
		"a request that nobody made": {func(_ *world, f *facts) {
			f.Wallets[0].Purse.Requests = f.Wallets[0].Purse.Requests[1:]
		}, "nobody requested"},
	} {
		t.Run(name, func(t *testing.T) {
			w, f := signedWindow(t, seed, 1)
			c.change(w, &f)
			differences := differences("calm", f)
			require.NotEmpty(t, differences)
			require.Contains(t, fmt.Sprint(differences), c.want)
		})
	}
}

// Wallets whose keys are nobody's are not to be signed for.
func TestTheJudgeRefusesASignatureWhereNobodyCanSign(t *testing.T) {
	_, f := signedWindow(t, 1, 1)
	f.Wallets[0].Purse = nil
	require.Contains(t, fmt.Sprint(differences("calm", f)), `ended in "ok"`)
}

// heartbeatWindow returns facts in which the first wallet's agreed action is a heartbeat for which all seats are there, and the
// seed of its world.
func heartbeatWindow(t *testing.T, index uint64) (*world, facts, uint64) {
	t.Helper()
	for seed := range uint64(1000) {
		w := newWorld(t, seed, index)
		if !w.stage.elections[0].allows(proposal.KindHeartbeat) {
			continue
		}
		_, f := signedWindow(t, seed, index)
		w.stage.elections[0].due = nil
		f.Wallets[0].Due, f.Wallets[0].Purse.Requests = nil, nil
		beat := proposal.Heartbeat{Message: [16]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}}
		digest := chainhash.TaggedHash([]byte("walletnode/heartbeat/1"), beat.Message[:])
		signature, err := schnorr.Sign(secretOf(t, seed, 0), digest[:])
		require.NoError(t, err)
		for n := range f.Nodes {
			r := &f.Nodes[n].Detail.Wallets[0]
			r.Proposal = beat
			r.Action.Proposal = beat
			f.Nodes[n].Signings[0] = signing.Signing{
				Wallet: r.Wallet, Window: f.Window.Block, Digest: signer.Digest{1}, Signed: signature.Serialize(), FinishedAt: f.Window.Block + 105,
				Attempts: []signing.Attempt{{Number: 1, Signers: []int{1, 2, 4, 5, 6, 8}, Active: 10, Whole: true, Result: signing.ResultSigned}},
			}
		}
		return w, f, seed
	}
	require.Fail(t, "no window has a heartbeat on its checklist")
	return nil, facts{}, 0
}

func TestTheJudgeVerifiesHeartbeats(t *testing.T) {
	_, f, seed := heartbeatWindow(t, 1)
	require.Empty(t, differences("calm", f))

	bad := slices.Clone(f.Nodes[4].Signings)
	f.Nodes[4].Signings = bad
	good := bad[0].Signed
	bad[0].Signed = slices.Clone(good)
	bad[0].Signed[40] ^= 1
	require.Contains(t, fmt.Sprint(differences("calm", f)), "heartbeat: ")

	bare, err := schnorr.Sign(secretOf(t, seed, 0), bytes.Repeat([]byte{3}, 32)) // of something else
	require.NoError(t, err)
	bad[0].Signed = bare.Serialize()
	require.Contains(t, fmt.Sprint(differences("calm", f)), "the signature is not the wallet's")

	bad[0].Signed, bad[0].TxHash = good, signer.Digest{1}
	require.Contains(t, fmt.Sprint(differences("calm", f)), "it came to a transaction")
	bad[0].TxHash, bad[0].Signed = signer.Digest{}, nil
	require.Contains(t, fmt.Sprint(differences("calm", f)), "nothing is signed")
}

func TestTheLastRedeemerBearsTheRemainderOfTheFee(t *testing.T) {
	purse := purse{Main: chain.UTXO{Value: 1000}, Requests: []chain.RedemptionRequest{
		{Script: []byte{1}, RequestedAmount: 100, TreasuryFee: 1}, {Script: []byte{2}, RequestedAmount: 200}, {Script: []byte{3}, RequestedAmount: 300},
	}}
	outs, err := payments(purse, proposal.Redemption{OutputScripts: [][]byte{{3}, {1}, {2}}, TxFee: big.NewInt(11)}, []byte{9})
	require.NoError(t, err)
	require.Equal(t, "[401 to 09 297 to 03 96 to 01 195 to 02]", outputs(outs))
}
