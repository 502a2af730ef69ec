package devnet

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal/action"
)

// ofSigner reports whether a deed is what was done to a signer.
func (d deed) ofSigner() bool {
	return d.Kind == deedSignerDown || d.Kind == deedSignersBack || d.Kind == deedRetired
}

// lacksOfSigner says what a deed about a signer lacks; empty for nothing. It must last from before the window to beyond the
// time at which its action begins, and the signer must hold something.
func (j *judge) lacksOfSigner(d deed, w coordination.Window) string {
	holds := func(s share) bool { return s.Operator == d.Operator && s.Signer == d.Signer && s.Wallet != d.Wallet }
	switch {
	case d.From >= w.Block || d.To < w.End:
		return "not from before the window to after its end"
	case !slices.ContainsFunc(j.facts.Shares, holds):
		return "the signer holds nothing that it could be missed for"
	case d.Kind == deedRetired && slices.Contains(j.facts.Shares, share{d.Operator, d.Signer, d.Wallet}):
		return "the signer was given shares of the wallet that was made after that"
	case d.Kind == deedRetired && !j.serves(d.Wallet, d.Operator):
		return "the operator has no share of the wallet that was made after that"
	case j.scenario.expect.alternates && (d.Kind == deedSignerDown) != (w.Index%2 == 1):
		return "not in a window of its turn"
	}
	return ""
}

// serves reports whether one signer of an operator holds shares of a wallet.
func (j *judge) serves(wallet chain.WalletID, op chain.Operator) bool {
	return slices.ContainsFunc(j.facts.Shares, func(s share) bool { return s.Operator == op && s.Wallet == wallet })
}

// silent returns the signers that were down.
func (f facts) silent() []share {
	var down []share
	for _, d := range f.Deeds {
		if d.Kind == deedSignerDown {
			down = append(down, share{Operator: d.Operator, Signer: d.Signer})
		}
	}
	return down
}

// signers demands that as much is wrong with signers as the scenario has it.
func (j *judge) signers() {
	down := j.facts.silent()
	switch want := j.scenario.expect; {
	case want.deed != deedSignerDown:
	case j.scenario.inactive:
		j.poorly()
	case !want.alternates:
		if len(down) != 1 {
			j.differ("%d signers were down, want 1", len(down))
		}
	case len(down) > 0:
		for _, w := range j.facts.Wallets {
			if w.Purse != nil && seatsLeft(w.Wallet, j.facts.Shares, down) >= w.Purse.Threshold {
				j.differ("wallet %v had its quorum", w.Wallet.ID())
			}
		}
	}
}

// hasQuorum reports whether enough seats of a wallet are with signers that run.
func (j *judge) hasQuorum(w *walletFacts) bool {
	return seatsLeft(w.Wallet, j.facts.Shares, j.facts.silent()) >= w.Purse.Threshold
}

// ends returns how an agreed action of a wallet must end on an operator's node.
func (j *judge) ends(op chain.Operator, w *walletFacts) action.Outcome {
	if w == nil {
		return action.NoSigner
	}
	down := j.facts.silent()
	switch {
	case unsignable(op, w.Wallet.ID(), j.facts.Shares, down):
		return action.SignerUnavailable
	case !j.hasQuorum(w):
		return action.Expired
	default:
		return action.OK
	}
}
