package devnet

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
)

// partition returns the cut of the window, if there was one.
func (j *judge) partition() (deed, bool) {
	for _, d := range j.facts.Deeds {
		if d.Kind == deedPartition {
			return d, true
		}
	}
	return deed{}, false
}

// parts reports whether a partition's sides are two, and every node that runs is on one of them.
func (j *judge) parts(d deed) bool {
	running := 0
	for _, n := range j.facts.Nodes {
		if n.Down {
			continue
		}
		running++
		if d.Sides.of(n.Operator) == nil {
			return false
		}
	}
	return len(d.Sides[0]) > 0 && len(d.Sides[1]) > 0 && len(d.Sides[0])+len(d.Sides[1]) == running
}

// behind says what a node must have of a wallet that was cut off from others through the whole active phase; false if that
// is no other than what everybody must have. By rule R4 who is connected to at least one other operator of the wallet
// attributes what it does not hear; who is connected to nobody knows that it cannot tell.
func (j *judge) behind(op chain.Operator, e election) (outcome, bool) {
	d, cut := j.partition()
	if !cut || d.To != j.facts.Window.ActiveEnd-1 || len(on(e.wallet.ID(), j.facts.Deeds)) > 0 {
		return outcome{}, false
	}
	company := d.Sides.company(op, e.wallet) || j.addressed(op, e.wallet)
	silent := faults.LeaderIdle
	switch {
	case op == e.leader && !company:
		return outcome{reason: coordination.ReasonNoPeers}, true
	case !d.Sides.apart(op, e.leader):
		return outcome{}, false
	case company:
		return outcome{reason: coordination.ReasonLeaderIdle, faults: []accusation{{silent, e.leader, true}}}, true
	default:
		return outcome{reason: coordination.ReasonNoPeers, faults: []accusation{{silent, e.leader, false}}}, true
	}
}

// crossing demands that what was agreed on was heard on the leader's side while the network was cut, and on the other not
// before that was over.
func (j *judge) crossing(op chain.Operator, e election, r store.WalletDetail, differ func(string, ...any)) {
	d, cut := j.partition()
	if !cut || r.Proposal == nil {
		return
	}
	switch across := d.Sides.apart(op, e.leader); {
	case across && r.ReceivedAt < d.To:
		differ("received the proposal at block %d, though it was cut off from the leader until block %d", r.ReceivedAt, d.To)
	case !across && r.ReceivedAt > d.To:
		differ("received the proposal at block %d, though nothing stood between it and the leader", r.ReceivedAt)
	}
}
