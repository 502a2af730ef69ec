package bitcoin

import (
	"bytes"
	"slices"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Judge says whether what is asked for is what a leader proposed, and nothing but that: nil, or a *signer.Refused. tx is nil
// for a heartbeat; feeCap is the most, in satoshi, that a transaction may pay to miners whatever was proposed.
//
// A proposal names scripts and a fee. How much each redeemer gets stands on the host chain, which a backend does not see: that
// the amounts are right is what every node checks that takes part, by building the transaction itself.
func Judge(w Wallet, p proposal.Proposal, tx *signer.Transaction, feeCap int64) error {
	switch p := p.(type) {
	case proposal.Heartbeat:
		if tx != nil {
			return signer.Refuse(signer.RuleProposal, "a heartbeat was proposed, and a transaction is to be signed")
		}
		return judgeHeartbeat(p)
	case proposal.Redemption:
		if tx == nil {
			return signer.Refuse(signer.RuleProposal, "a redemption was proposed, and there is no transaction")
		}
		return judgeRedemption(w, p, tx, feeCap)
	default:
		return signer.Refuse(signer.RuleProposal, "nothing is signed for a proposal of kind %v", kindOf(p))
	}
}

func kindOf(p proposal.Proposal) string {
	if p == nil {
		return "none"
	}
	return p.Kind().String()
}

// judgeHeartbeat keeps a heartbeat's signature from being of use anywhere else, see docs/decisions/019.
func judgeHeartbeat(p proposal.Heartbeat) error {
	if !bytes.Equal(p.Message[:8], bytes.Repeat([]byte{0xff}, 8)) {
		return signer.Refuse(signer.RuleProposal, "the heartbeat's message does not begin with eight bytes 0xff")
	}
	return nil
}

func judgeRedemption(w Wallet, p proposal.Redemption, tx *signer.Transaction, feeCap int64) error {
	own := w.Script()
	if own == nil {
		return signer.Refuse(signer.RuleProposal, "there is no scheme %q", w.Scheme)
	}
	parsed, err := ParseUnsigned(tx.Raw)
	if err != nil {
		return signer.Refuse(signer.RuleProposal, "%v", err)
	}
	if err := judgeForm(parsed); err != nil {
		return err
	}
	if err := judgeOutputs(own, p, parsed); err != nil {
		return err
	}
	if err := judgeInputs(w.Scheme, own, parsed, tx); err != nil {
		return err
	}
	return judgeFee(p, parsed, tx, feeCap)
}

// judgeForm refuses what no redemption is like. A lock time, say, would bind the coins to a transaction that nobody can use.
func judgeForm(tx *wire.MsgTx) error {
	switch {
	case tx.Version != redemptionVersion:
		return signer.Refuse(signer.RuleProposal, "the transaction's version is %d, not %d", tx.Version, redemptionVersion)
	case tx.LockTime != 0:
		return signer.Refuse(signer.RuleProposal, "the transaction is locked until %d", tx.LockTime)
	case len(tx.TxIn) != 1:
		return signer.Refuse(signer.RuleProposal, "a redemption spends one output, not %d", len(tx.TxIn))
	case tx.TxIn[0].Sequence != redemptionSequence:
		return signer.Refuse(signer.RuleProposal, "the input's sequence is %#x", tx.TxIn[0].Sequence)
	}
	return nil
}

// judgeOutputs wants the wallet's change, if there is any, and then the proposed scripts in their order.
func judgeOutputs(own []byte, p proposal.Redemption, tx *wire.MsgTx) error {
	known := func(script []byte) bool {
		same := func(other []byte) bool { return bytes.Equal(script, other) }
		return same(own) || slices.ContainsFunc(p.OutputScripts, same)
	}
	for i, out := range tx.TxOut {
		switch {
		case !known(out.PkScript):
			return signer.Refuse(signer.RuleChange, "output %d pays neither a proposed script nor the wallet", i)
		case out.Value == 0:
			return signer.Refuse(signer.RuleProposal, "output %d pays nothing", i)
		}
	}
	outputs := tx.TxOut
	switch n := len(p.OutputScripts); {
	case n == 0:
		return signer.Refuse(signer.RuleProposal, "the proposal names no script")
	case repeats(p.OutputScripts):
		return signer.Refuse(signer.RuleProposal, "the proposal names a script twice, of which the Bridge has one request")
	case slices.ContainsFunc(p.OutputScripts, func(s []byte) bool { return bytes.Equal(s, own) }):
		return signer.Refuse(signer.RuleChange, "the proposal pays the wallet itself, which could not be told from its change")
	case len(outputs) == n+1 && bytes.Equal(outputs[0].PkScript, own):
		outputs = outputs[1:]
	case len(outputs) != n:
		return signer.Refuse(signer.RuleProposal,
			"%d outputs are not the %d proposed ones and the wallet's change before them", len(outputs), n)
	}
	for i, out := range outputs {
		if !bytes.Equal(out.PkScript, p.OutputScripts[i]) {
			return signer.Refuse(signer.RuleProposal, "the outputs do not pay the proposed scripts in their order")
		}
	}
	return nil
}

// repeats reports whether one of scripts is there twice.
func repeats(scripts [][]byte) bool {
	seen := make(map[string]bool, len(scripts))
	for _, s := range scripts {
		if seen[string(s)] {
			return true
		}
		seen[string(s)] = true
	}
	return false
}

// judgeInputs wants to know what is spent, so that the fee is what it seems to be.
func judgeInputs(scheme signer.Scheme, own []byte, tx *wire.MsgTx, asked *signer.Transaction) error {
	if len(asked.Prevouts) != len(tx.TxIn) {
		return signer.Refuse(signer.RulePrevious, "%d previous outputs for %d inputs", len(asked.Prevouts), len(tx.TxIn))
	}
	if n := len(asked.Previous); n != len(tx.TxIn) && (n > 0 || scheme != signer.FROST) {
		return signer.Refuse(signer.RulePrevious, "%d previous transactions for %d inputs", n, len(tx.TxIn))
	}
	for i, in := range tx.TxIn {
		spent := asked.Prevouts[i]
		switch {
		case !bytes.Equal(spent.Script, own):
			return signer.Refuse(signer.RulePrevious, "input %d does not spend an output of the wallet", i)
		case spent.Value <= 0 || spent.Value > maxValue:
			return signer.Refuse(signer.RulePrevious, "input %d spends %d satoshi", i, spent.Value)
		case len(asked.Previous) == 0:
			continue
		}
		if err := judgePrevious(in.PreviousOutPoint, spent, asked.Previous[i]); err != nil {
			return err
		}
	}
	return nil
}

// judgePrevious checks an output against the transaction that made it. A P2WPKH signature covers the amount of its own input
// alone, so one who lies about the amounts of several could have two half-honest transactions signed and join the halves.
func judgePrevious(from wire.OutPoint, spent signer.Prevout, raw []byte) error {
	previous, err := Parse(raw)
	switch {
	case err != nil:
		return signer.Refuse(signer.RulePrevious, "previous %v", err)
	case previous.TxHash() != from.Hash:
		return signer.Refuse(signer.RulePrevious, "the previous transaction is another one than the input names")
	case uint64(from.Index) >= uint64(len(previous.TxOut)):
		return signer.Refuse(signer.RulePrevious, "the previous transaction has no output %d", from.Index)
	}
	if out := previous.TxOut[from.Index]; out.Value != spent.Value || !bytes.Equal(out.PkScript, spent.Script) {
		return signer.Refuse(signer.RulePrevious, "the previous transaction's output %d is another one than was told", from.Index)
	}
	return nil
}

func judgeFee(p proposal.Redemption, tx *wire.MsgTx, asked *signer.Transaction, feeCap int64) error {
	fee := int64(0) // neither sum overflows: each is at most all bitcoin times the few inputs
	for _, spent := range asked.Prevouts {
		fee += spent.Value
	}
	for _, out := range tx.TxOut {
		fee -= out.Value
	}
	switch {
	case p.TxFee == nil || !p.TxFee.IsInt64() || p.TxFee.Int64() != fee:
		return signer.Refuse(signer.RuleFee, "the transaction's fee is %d satoshi, proposed was another one", fee)
	case fee <= 0:
		return signer.Refuse(signer.RuleFee, "the transaction's fee is %d satoshi", fee)
	case fee > feeCap:
		return signer.Refuse(signer.RuleFee, "a fee of %d satoshi is above the cap of %d", fee, feeCap)
	}
	return nil
}
