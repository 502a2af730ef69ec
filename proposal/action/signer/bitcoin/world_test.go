package bitcoin

import (
	"bytes"
	"math/big"
	"time"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/wire"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// purse is a wallet with the whole of its key, which signs as a quorum of its seats would.
type purse struct {
	Wallet
	private *btcec.PrivateKey
	secret  byte // wallets of different ones are different
}

func newPurse(scheme signer.Scheme, secret byte) purse {
	private, _ := btcec.PrivKeyFromBytes([]byte{1, secret})
	return purse{Wallet{chain.PublicKey(private.PubKey().SerializeUncompressed()), scheme}, private, secret}
}

func (p purse) sign(what signer.Signable) []byte {
	if p.Scheme == signer.FROST {
		signature, err := schnorr.Sign(p.private, what[:])
		if err != nil {
			panic(err)
		}
		return signature.Serialize()
	}
	signature := ecdsa.Sign(p.private, what[:])
	return joined(signature.R(), signature.S())
}

// signAll signs every input.
func (p purse) signAll(prop proposal.Proposal, tx *signer.Transaction) [][]byte {
	all, err := Signables(p.Wallet, prop, tx)
	if err != nil {
		panic(err)
	}
	signatures := make([][]byte, len(all))
	for i, what := range all {
		signatures[i] = p.sign(what)
	}
	return signatures
}

// fund makes a transaction that pays a wallet at one of its outputs.
func (p purse) fund(value uint64, index int) (UTXO, *wire.MsgTx) {
	tx := wire.NewMsgTx(2)
	tx.AddTxIn(&wire.TxIn{
		PreviousOutPoint: wire.OutPoint{Hash: [32]byte{9}}, Witness: wire.TxWitness{{1, 2}}, SignatureScript: []byte{3},
	})
	for i := range index {
		tx.AddTxOut(wire.NewTxOut(int64(1000+i), pkh(byte(i))))
	}
	tx.AddTxOut(wire.NewTxOut(int64(value), p.Script()))
	return UTXO{TxHash: tx.TxHash(), Index: uint32(index), Value: value}, tx
}

func pkh(n byte) []byte {
	return append(append([]byte{0x76, 0xa9, 20}, bytes.Repeat([]byte{n}, 20)...), 0x88, 0xac)
}

func wpkh(n byte) []byte { return append([]byte{op0, 20}, bytes.Repeat([]byte{n}, 20)...) }

func request(script []byte, amount uint64) chain.RedemptionRequest {
	return chain.RedemptionRequest{
		Script: script, RequestedAmount: amount, TreasuryFee: amount / 2000, TxMaxFee: 100_000, RequestedAt: time.Unix(1, 0),
	}
}

// drawScript draws one of the kinds of script that the Bridge takes, distinct for distinct n.
func drawScript(t *rapid.T, n int) []byte {
	fill := func(size int) []byte { return append(bytes.Repeat([]byte{0xee}, size-1), byte(n)) }
	switch rapid.IntRange(0, 4).Draw(t, "script") {
	case 0:
		return pkh(byte(n))
	case 1:
		return append(append([]byte{0xa9, 20}, fill(20)...), 0x87) // P2SH
	case 2:
		return append([]byte{op0, 20}, fill(20)...)
	case 3:
		return append([]byte{op0, 32}, fill(32)...)
	default:
		return append([]byte{op1, 32}, fill(32)...)
	}
}

// scene is a redemption that is right, with all that it was made of.
type scene struct {
	purse
	main     UTXO
	previous *wire.MsgTx
	requests []chain.RedemptionRequest
	proposal proposal.Redemption
	tx       signer.Transaction
}

func drawScene(t *rapid.T) scene {
	s := scene{purse: newPurse(rapid.SampledFrom(signer.Schemes()).Draw(t, "scheme"), rapid.Byte().Draw(t, "key"))}
	fee := rapid.Uint64Range(1, 900_000).Draw(t, "fee") // one request can bear it
	n := rapid.IntRange(1, 20).Draw(t, "requests")
	need := fee
	for i := range n {
		r := request(drawScript(t, i), rapid.Uint64Range(1_000_000, 50_000_000_000).Draw(t, "amount"))
		r.TxMaxFee = 1_000_000
		s.requests = append(s.requests, r)
		s.proposal.OutputScripts = append(s.proposal.OutputScripts, bytes.Clone(r.Script))
		need += r.RequestedAmount - r.TreasuryFee - shareOf(fee, uint64(n), i)
	}
	s.proposal.TxFee = new(big.Int).SetUint64(fee)
	if rapid.Bool().Draw(t, "change") {
		need += rapid.Uint64Range(330, 100_000_000).Draw(t, "change value")
	}
	s.main, s.previous = s.fund(need, rapid.IntRange(0, 3).Draw(t, "index"))
	given := s.previous
	if s.Scheme == signer.FROST && rapid.Bool().Draw(t, "without previous") {
		given = nil
	}
	var err error
	if s.tx, err = Redemption(s.Wallet, s.main, given, s.requests, s.proposal.TxFee); err != nil {
		t.Fatalf("build: %v", err)
	}
	return s
}
