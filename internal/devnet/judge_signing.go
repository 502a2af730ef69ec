package devnet

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// purse is what the chain has of the money of a wallet that can sign.
type purse struct {
	Main     chain.UTXO                // before the window's action
	Requests []chain.RedemptionRequest // that are due
	// Threshold is how many seats a signature takes.
	Threshold int
	Scheme    signer.Scheme // that signs, and locks what the wallet has
}

// signed returns what a node has recorded of a wallet's signature; the zero value if there is nothing.
func (n nodeFacts) signed(wallet chain.WalletID) signing.Signing {
	for _, s := range n.Signings {
		if s.Wallet == wallet {
			return s
		}
	}
	return signing.Signing{}
}

// purseOf returns the money of a wallet; nil if nobody can sign for it.
func (j *judge) purseOf(wallet chain.WalletID) *walletFacts {
	i := slices.IndexFunc(j.facts.Wallets, func(w walletFacts) bool { return w.Wallet.ID() == wallet })
	if i < 0 || j.facts.Wallets[i].Purse == nil {
		return nil
	}
	return &j.facts.Wallets[i]
}

// action demands that what was agreed on ended as signed on every node that has its signer, if the wallet has its quorum, with the
// same transaction everywhere; and that nothing is signed otherwise.
func (j *judge) action(n nodeFacts, e election, r store.WalletDetail, differ func(string, ...any)) {
	w := j.purseOf(e.wallet.ID())
	ended := j.ends(n.Operator, w)
	order(j.facts.Window, r, ended, differ)
	s := n.signed(e.wallet.ID())
	j.blames(n, e.wallet, s, differ)
	j.inactivity(n, e, differ)
	switch {
	case ended == action.OK:
	case len(s.Signed) == 0:
		return
	case ended != action.SignerUnavailable || !j.hasQuorum(w): // whose own signer is away keeps what the others sign
		differ("has a signature, and cannot have one")
		return
	}
	if r.Proposal == nil || r.Proposal.Kind() == proposal.KindNoop {
		if s.Digest != (signer.Digest{}) {
			differ("asked its signers for something though there is nothing to do")
		}
		return
	}
	switch r.Proposal.Kind() {
	case proposal.KindHeartbeat:
		if err := beaten(*w, r, s); err != nil {
			differ("heartbeat: %v", err)
		}
		if ended == action.OK {
			j.counted(e.wallet, s, differ)
		}
	case proposal.KindRedemption:
		tx, err := redeemed(*w, r, s)
		if err != nil {
			differ("redemption: %v", err)
			return
		}
		if first := j.facts.paid(*w); first.TxHash() != tx.TxHash() {
			differ("has transaction %s, another node %s", tx.TxID(), first.TxID())
		}
	default:
		differ("has an action of kind %v, which nobody can sign", r.Proposal.Kind())
	}
}

var errUnsigned = errors.New("nothing is signed")

// beaten says what is wrong with a heartbeat's signature.
func beaten(w walletFacts, r store.WalletDetail, s signing.Signing) error {
	beat, ok := r.Proposal.(proposal.Heartbeat)
	if !ok || len(s.Signed) == 0 {
		return errUnsigned
	}
	if s.TxHash != (signer.Digest{}) || s.Intent.Transaction != nil {
		return errors.New("it came to a transaction")
	}
	return beats(w.Purse.Scheme, w.Wallet.Key(), beat.Message[:], s.Signed)
}

// redeemed returns a node's signed redemption, or what is wrong with it. What it must spend and pay is worked out from the
// chain's requests and the agreed proposal alone, and its signature is checked as a Bitcoin node would.
func redeemed(w walletFacts, r store.WalletDetail, s signing.Signing) (*wire.MsgTx, error) {
	p, ok := r.Proposal.(proposal.Redemption)
	if !ok || len(s.Signed) == 0 {
		return nil, errUnsigned
	}
	tx := new(wire.MsgTx)
	in := bytes.NewReader(s.Signed)
	if err := tx.Deserialize(in); err != nil {
		return nil, err
	}
	switch {
	case in.Len() > 0:
		return nil, errors.New("bytes follow the transaction")
	case signer.Digest(tx.TxHash()) != s.TxHash:
		return nil, fmt.Errorf("it is stored under another hash than its own, %s", tx.TxID())
	}
	main := w.Purse.Main
	if len(tx.TxIn) != 1 || tx.TxIn[0].PreviousOutPoint != (wire.OutPoint{Hash: main.TxHash, Index: main.Index}) {
		return nil, fmt.Errorf("it does not spend the main UTXO, output %d of %s", main.Index, chainhash.Hash(main.TxHash))
	}
	own := ownOutput(w.Purse.Scheme, w.Wallet.Key())
	want, err := payments(*w.Purse, p, own)
	if err != nil {
		return nil, err
	}
	if !slices.EqualFunc(tx.TxOut, want, func(a, b *wire.TxOut) bool { return a.Value == b.Value && bytes.Equal(a.PkScript, b.PkScript) }) {
		return nil, fmt.Errorf("it pays %s, want %s", outputs(tx.TxOut), outputs(want))
	}
	value := int64(main.Value) //nolint:gosec // the devnet's own
	spent := txscript.NewCannedPrevOutputFetcher(own, value)
	engine, err := txscript.NewEngine(own, tx, 0, txscript.StandardVerifyFlags, nil, txscript.NewTxSigHashes(tx, spent), value, spent)
	if err != nil {
		return nil, err
	}
	if err := engine.Execute(); err != nil {
		return nil, fmt.Errorf("its signature: %w", err)
	}
	return tx, nil
}

// payments returns the outputs of a redemption: the change first, then what the proposal's requests ask for, less the treasury's
// fee and an equal share of the transaction's, of which the last one bears the remainder.
func payments(purse purse, p proposal.Redemption, own []byte) ([]*wire.TxOut, error) {
	n := int64(len(p.OutputScripts))
	if n == 0 || p.TxFee == nil || !p.TxFee.IsInt64() {
		return nil, errors.New("the proposal pays nobody, or at no fee")
	}
	share, remainder := new(big.Int).DivMod(p.TxFee, big.NewInt(n), new(big.Int))
	change := int64(purse.Main.Value) - p.TxFee.Int64() //nolint:gosec // the devnet's own
	all := []*wire.TxOut{nil}
	for k, script := range p.OutputScripts {
		i := slices.IndexFunc(purse.Requests, func(r chain.RedemptionRequest) bool { return bytes.Equal(r.Script, script) })
		if i < 0 {
			return nil, fmt.Errorf("nobody requested to be paid by %x", script)
		}
		value := int64(purse.Requests[i].RequestedAmount-purse.Requests[i].TreasuryFee) - share.Int64() //nolint:gosec // the devnet's own
		if int64(k) == n-1 {
			value -= remainder.Int64()
		}
		change -= value
		all = append(all, wire.NewTxOut(value, script))
	}
	all[0] = wire.NewTxOut(change, own)
	return all, nil
}

// outputs shows what a transaction pays.
func outputs(outs []*wire.TxOut) string {
	var text []string
	for _, out := range outs {
		text = append(text, fmt.Sprintf("%d to %x", out.Value, out.PkScript))
	}
	return fmt.Sprint(text)
}
