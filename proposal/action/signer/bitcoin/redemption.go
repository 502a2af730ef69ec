package bitcoin

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// UTXO is an output that is not spent.
type UTXO = chain.UTXO

// What a redemption's transaction is like, as the network's other clients build it.
const (
	redemptionVersion  = 1
	redemptionSequence = wire.MaxTxInSequenceNum
)

// Errors that say why a redemption cannot be built from what is on the chain.
var (
	errPrevious = errors.New("the previous transaction is not that of the main UTXO")
	ErrFunds    = errors.New("the main UTXO does not suffice")
	errDust     = errors.New("nodes do not relay an output that is smaller than it costs to spend")
	errFee      = errors.New("the fee cannot be borne")
)

// Redemption builds the transaction that pays requests out of a wallet's main UTXO: requests in the proposal's order, fee the
// proposal's whole fee. It spends one output; the change comes first, back to the wallet, if there is any, then what each
// request asked for, less the treasury's fee and its share of the transaction's.
//
// previous is the transaction that made the UTXO. P2WPKH demands it, as Judge does; of a P2TR wallet it may be nil, since a
// signature there is worth nothing if the UTXO is not what we think.
func Redemption(
	w Wallet, main UTXO, previous *wire.MsgTx, requests []chain.RedemptionRequest, fee *big.Int,
) (signer.Transaction, error) {
	if _, err := w.publicKey(); err != nil {
		return signer.Transaction{}, err
	}
	if err := checkPrevious(w, main, previous); err != nil {
		return signer.Transaction{}, err
	}
	payments, paid, err := payments(w, requests, fee)
	if err != nil {
		return signer.Transaction{}, err
	}
	funds := int64(main.Value) //nolint:gosec // at most maxValue
	change := funds - paid - fee.Int64()
	tx := wire.NewMsgTx(redemptionVersion)
	tx.AddTxIn(&wire.TxIn{
		PreviousOutPoint: wire.OutPoint{Hash: main.TxHash, Index: main.Index}, Sequence: redemptionSequence,
	})
	script := w.Script()
	switch {
	case change < 0:
		return signer.Transaction{}, fmt.Errorf("%w: it has %d satoshi, the requests and the fee take %d", ErrFunds, funds, funds-change)
	case change == 0:
	case change < dust(script):
		return signer.Transaction{}, fmt.Errorf("%w: %d satoshi of change", errDust, change)
	default:
		tx.AddTxOut(wire.NewTxOut(change, script))
	}
	tx.TxOut = append(tx.TxOut, payments...)
	built := signer.Transaction{Raw: bare(tx), Prevouts: []signer.Prevout{{Value: funds, Script: script}}}
	if previous != nil {
		built.Previous = [][]byte{bare(previous)}
	}
	return built, nil
}

func checkPrevious(w Wallet, main UTXO, previous *wire.MsgTx) error {
	switch {
	case main.Value == 0 || main.Value > maxValue:
		return fmt.Errorf("%w: %d satoshi", ErrFunds, main.Value)
	case previous == nil && w.Scheme != signer.FROST:
		return fmt.Errorf("%w: there is none, and scheme %s demands it", errPrevious, w.Scheme)
	case previous == nil:
		return nil
	case previous.TxHash() != main.TxHash:
		return fmt.Errorf("%w: its hash is another one", errPrevious)
	case uint64(main.Index) >= uint64(len(previous.TxOut)):
		return fmt.Errorf("%w: it has no output %d", errPrevious, main.Index)
	}
	switch out := previous.TxOut[main.Index]; {
	case !bytes.Equal(out.PkScript, w.Script()):
		return fmt.Errorf("%w: output %d does not pay the wallet", errPrevious, main.Index)
	case out.Value != int64(main.Value): //nolint:gosec // at most maxValue
		return fmt.Errorf("%w: output %d has %d satoshi, not %d", errPrevious, main.Index, out.Value, main.Value)
	}
	return nil
}

// payments returns the outputs that pay requests, and what they come to.
func payments(w Wallet, requests []chain.RedemptionRequest, fee *big.Int) ([]*wire.TxOut, int64, error) {
	n := uint64(len(requests))
	switch {
	case n == 0:
		return nil, 0, errors.New("there is no request to pay")
	case fee == nil || fee.Sign() <= 0 || !fee.IsInt64() || fee.Int64() > maxValue:
		return nil, 0, fmt.Errorf("%w: it is %v satoshi", errFee, fee)
	}
	outputs := make([]*wire.TxOut, 0, n+1)
	var paid int64
	for i, r := range requests {
		share := shareOf(fee.Uint64(), n, i)
		switch {
		case bytes.Equal(r.Script, w.Script()):
			return nil, 0, fmt.Errorf("request %d pays the wallet itself", i)
		case share > r.TxMaxFee:
			return nil, 0, fmt.Errorf("%w: request %d bears %d satoshi at most, its share is %d", errFee, i, r.TxMaxFee, share)
		case r.RequestedAmount > maxValue || r.TreasuryFee > r.RequestedAmount || share >= r.RequestedAmount-r.TreasuryFee:
			return nil, 0, fmt.Errorf("%w: request %d asks for %d satoshi, of which %d are the treasury's and %d the fee",
				errFee, i, r.RequestedAmount, r.TreasuryFee, share)
		}
		value := int64(r.RequestedAmount - r.TreasuryFee - share) //nolint:gosec // at most maxValue
		if value < dust(r.Script) {
			return nil, 0, fmt.Errorf("%w: request %d comes to %d satoshi", errDust, i, value)
		}
		if paid += value; paid > maxValue {
			return nil, 0, fmt.Errorf("%w: the requests make more than all bitcoin", ErrFunds)
		}
		outputs = append(outputs, wire.NewTxOut(value, bytes.Clone(r.Script)))
	}
	return outputs, paid, nil
}

// shareOf is what request i of n bears of a fee: an equal share, the last one also the remainder. The validator contract
// counts in the same way.
func shareOf(fee, n uint64, i int) uint64 {
	share := fee / n
	if uint64(i) == n-1 { //nolint:gosec // an index
		share += fee % n
	}
	return share
}

// dust is the least value of an output that nodes relay with their usual settings (Bitcoin Core's GetDustThreshold): three
// satoshi for each byte of the output and of the input that will spend it.
func dust(script []byte) int64 {
	const (
		spendWitness = 32 + 4 + 1 + 107/4 + 4 // a witness counts for a quarter
		spendOther   = 32 + 4 + 1 + 107 + 4
		rate         = 3
	)
	output := wire.NewTxOut(0, script).SerializeSize()
	if isWitness(script) {
		return int64(rate * (output + spendWitness))
	}
	return int64(rate * (output + spendOther))
}

// isWitness reports whether a script is a witness program of any version (BIP-141): a version and one push of 2 to 40 bytes.
func isWitness(script []byte) bool {
	if len(script) < 4 || len(script) > 42 || int(script[1]) != len(script)-2 {
		return false
	}
	return script[0] == op0 || script[0] >= op1 && script[0] <= op1+15
}
