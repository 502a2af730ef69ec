package devnet

import (
	"bytes"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// faces demands, where leaders show one face to one side of a cut and another one to the other, that this is what happened: the
// network was cut as long as leaders speak, and each side was told one thing.
func (j *judge) faces() {
	if !j.scenario.proves || !j.scenario.parted() {
		return
	}
	cut, ok := j.partition()
	if !ok || cut.From != j.facts.Window.Block || cut.To != j.facts.Window.ActiveEnd-1 {
		j.differ("the sides were not apart as long as leaders speak")
		return
	}
	for _, e := range j.elections {
		told := on(e.wallet.ID(), j.facts.Deeds)
		for i, d := range told {
			if side := slices.IndexFunc(cut.Sides[:], func(s []chain.Operator) bool { return alike(s, d.Audience) }); side != i {
				j.differ("wallet %v: not told to one side each: %v", e.wallet.ID(), d)
			}
		}
	}
}

// alike reports whether two groups of operators are the same, in whatever order.
func alike(a, b []chain.Operator) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(op chain.Operator) bool { return !slices.Contains(b, op) })
}

// told returns what one side of a cut was told about a wallet that the other was told something else about.
func (j *judge) told(op chain.Operator, e election) (proposal.Proposal, bool) {
	if _, cut := j.partition(); !cut {
		return nil, false
	}
	for _, d := range on(e.wallet.ID(), j.facts.Deeds) {
		if m, err := d.said(); err == nil && slices.Contains(d.Audience, op) {
			return m.Proposal, true
		}
	}
	return nil, false
}

// addressed reports whether an actor with the key of an operator of the wallet was connected to an operator.
func (j *judge) addressed(op chain.Operator, wallet chain.Wallet) bool {
	return slices.ContainsFunc(j.facts.Deeds, func(d deed) bool {
		return d.Kind == deedStatement && slices.Contains(d.Audience, op) && wallet.Holds(d.Operator)
	})
}

// proofs demands that a node holds the proofs of the window that it must, and none against anybody who did not say two things.
func (j *judge) proofs(n nodeFacts) {
	has := make(map[evidence.Slot]bool)
	for _, p := range n.Proofs {
		switch slot := p.Proof.Slot(); {
		case p.Proof.Kind != evidence.TwoStatements:
			j.differ("operator %v holds a proof of %s against %v, who signed no two heads and denied nothing", n.Operator, p.Proof.Kind, slot.Operator)
		case slot.Window != j.facts.Window.Block: // judged in its own window
		case !j.guilty(p.Proof):
			j.differ("operator %v holds a proof against %v, who did not say what it shows", n.Operator, slot.Operator)
		case p.Exit != 0:
			j.differ("operator %v holds a proof against %v that the verifier ends with %d about", n.Operator, slot.Operator, p.Exit)
		default:
			has[slot] = true
		}
	}
	for _, slot := range j.scenario.toProve(j.facts.Window.Block, j.elections, j.facts.Deeds) {
		if !n.Down && j.wallet(slot.Wallet).Holds(n.Operator) && !has[slot] {
			j.differ("operator %v lacks the proof against %v of wallet %v", n.Operator, slot.Operator, slot.Wallet)
		}
	}
}

// guilty reports whether the messages of a proof are what its operator really sent.
func (j *judge) guilty(p evidence.Proof) bool {
	slot := p.Slot()
	for _, s := range p.Statements() {
		m, err := wire.ParsePubsub(s.Signed())
		if err != nil || !slices.ContainsFunc(on(slot.Wallet, j.facts.Deeds), func(d deed) bool {
			return d.Operator == slot.Operator && bytes.Equal(d.Envelope, m.Data())
		}) {
			return false
		}
	}
	return true
}

func (j *judge) wallet(id chain.WalletID) chain.Wallet {
	for _, w := range j.facts.Wallets {
		if w.Wallet.ID() == id {
			return w.Wallet
		}
	}
	return chain.Wallet{}
}

// toProve returns of whom every honest operator of the wallet must hold a proof, if the scenario demands any.
func (s scenario) toProve(window chain.Height, elections []election, deeds []deed) []evidence.Slot {
	if !s.proves {
		return nil
	}
	var slots []evidence.Slot
	for _, e := range elections {
		if told := on(e.wallet.ID(), deeds); len(told) > 0 {
			slots = append(slots, evidence.Slot{Wallet: e.wallet.ID(), Window: window, Operator: e.leader})
		}
	}
	return slots
}
