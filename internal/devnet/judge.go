package devnet

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
)

// differences compares what the nodes recorded of one window with what the scenario demands, and returns every difference
// as a sentence; none means that all is as it must be. It is a pure function: leader, checklist and culprit follow
// from the chain's facts and from who signed, never from a node's own rows (rule R10).
func differences(scenarioName string, f facts) []string {
	s, known := scenarioNamed(scenarioName)
	if !known {
		return []string{fmt.Sprintf("there is no scenario %q", scenarioName)}
	}
	j := judge{scenario: s, facts: f}
	for _, w := range f.Wallets {
		j.elections = append(j.elections, elect(w.Wallet, f.Window, f.Safe, w.Due))
	}
	j.deeds()
	j.faces()
	j.endpoints()
	j.signers()
	j.named()
	for _, n := range f.Nodes {
		j.proofs(n)
		switch {
		case n.Down:
			j.downNode(n)
		case j.stalled(n.Operator):
			j.stalledNode(n)
		case j.blind(n.Operator):
			j.blindNode(n)
		default:
			j.node(n)
		}
	}
	return j.differences
}

// judge is one judgement.
type judge struct {
	scenario    scenario
	facts       facts
	elections   []election
	differences []string
}

func (j *judge) differ(format string, args ...any) {
	j.differences = append(j.differences, fmt.Sprintf("window %d: ", j.facts.Window.Block)+fmt.Sprintf(format, args...))
}

// deeds demands that what was done is what the scenario is about, and that something was.
func (j *judge) deeds() {
	want := j.scenario.expect
	done := 0
	for _, d := range j.facts.Deeds {
		if wrong := j.wrongWith(d); wrong != "" {
			j.differ("%s", wrong)
		} else if d.Kind == want.deed || d.ofEndpoint() || d.ofSigner() || d.Kind == deedCheat {
			done++
		}
	}
	if want.deed != "" && done == 0 {
		j.differ("no %s took place: the scenario was not played", want.deed)
	}
	if want.refutes == nil {
		return
	}
	for _, e := range j.elections {
		if deeds := on(e.wallet.ID(), j.facts.Deeds); len(deeds) > 0 {
			if complaint := want.refutes(e, deeds); complaint != "" {
				j.differ("wallet %v: %s", e.wallet.ID(), complaint)
			}
		}
	}
}

// wrongWith says why something that was done is not as the scenario has it; empty if it is.
func (j *judge) wrongWith(d deed) string {
	want, w := j.scenario.expect, j.facts.Window
	say := fmt.Sprintf
	switch {
	case d.Kind != want.deed && (want.with == "" || d.Kind != want.with):
		return say("scenario %s does not have the %v", j.scenario.Name, d)
	case d.ofEndpoint():
		if lacks := d.unproven(w); lacks != "" {
			return say("%s: %v, endpoint %d", lacks, d, d.Endpoint)
		}
	case d.ofSigner():
		if lacks := j.lacksOfSigner(d, w); lacks != "" {
			return say("%s: %v, %s", lacks, d, d.Signer)
		}
	case d.Kind == deedDrawn:
		if lacks := j.lacksOfDraw(d); lacks != "" {
			return say("%s: %v, wallet %v", lacks, d, d.Wallet)
		}
	case d.Kind == deedCheat:
		if d.From < w.End {
			return say("before the actions: %v", d)
		}
	case !d.within(w):
		return say("not within the active phase: %v", d)
	case d.Kind == deedStalledChain && (d.From != w.Block || d.To != w.ActiveEnd-1):
		return say("not the whole active phase: %v", d)
	case d.Kind == deedSlowDisk && d.Peers == 0:
		return say("nobody wrote while the node could not: %v", d)
	case d.Kind == deedPartition && !j.parts(d):
		return say("not two sides that hold every operator: %v", d)
	case d.Kind == deedReorg && d.Replaced[0] == d.Replaced[1]:
		return say("block %d was not replaced: %v", w.Block, d)
	}
	return ""
}

// downNode demands that a node which did not run has nothing of the window but the record that it was down. One that
// had never accounted for a window has not even that (rule R1).
func (j *judge) downNode(n nodeFacts) {
	if n.Detail.Opened != nil || len(n.Detail.Wallets) > 0 {
		j.differ("operator %v did not run and recorded the window all the same", n.Operator)
	}
	missed := n.Detail.Missed
	switch {
	case missed == nil && !n.First && !n.Away:
		j.differ("operator %v did not run and has no record of having missed the window", n.Operator)
	case missed != nil && missed.Reason != coordination.ReasonNodeDown && missed.Reason != coordination.ReasonLateStart:
		j.differ("operator %v did not run and recorded the window as missed because of %s", n.Operator, missed.Reason)
	}
}

// stalled reports whether an operator's node saw no block of the active phase.
func (j *judge) stalled(op chain.Operator) bool {
	return slices.ContainsFunc(j.facts.Deeds, func(d deed) bool { return d.Kind == deedStalledChain && d.Operator == op })
}

// stalledNode demands that a node which saw no block of the active phase has nothing of the window but the record of
// why it missed it.
func (j *judge) stalledNode(n nodeFacts) {
	if n.Detail.Opened != nil || len(n.Detail.Wallets) > 0 {
		j.differ("operator %v saw no block of the window and took part all the same", n.Operator)
	}
	if missed := n.Detail.Missed; missed == nil || missed.Reason != coordination.ReasonChainStalled {
		j.differ("operator %v saw no block of the window and did not record it as missed because of that", n.Operator)
	}
}

// node demands one row for each wallet of the operator, and each as it must be.
func (j *judge) node(n nodeFacts) {
	j.opening(n)
	j.shuns(n)
	rows := slices.Clone(n.Detail.Wallets)
	for _, e := range j.elections {
		id := e.wallet.ID()
		if !e.wallet.Holds(n.Operator) {
			continue
		}
		i := slices.IndexFunc(rows, func(r store.WalletDetail) bool { return r.Wallet == id })
		if i < 0 {
			j.differ("operator %v has no row of wallet %v", n.Operator, id)
			continue
		}
		j.row(n, e, rows[i])
		rows = slices.Delete(rows, i, i+1)
	}
	for _, r := range rows {
		j.differ("operator %v has a row of wallet %v that it should not have", n.Operator, r.Wallet)
	}
}

// opening demands that the window was opened, and when: after the heads that were kept from the node, before it was
// killed, as soon as it was started, and on the block that a reorg replaced.
func (j *judge) opening(n nodeFacts) {
	if n.Detail.Opened == nil || n.Detail.Missed != nil {
		j.differ("operator %v did not open the window", n.Operator)
		return
	}
	at := n.Detail.Opened.At
	if at < j.facts.Window.Block || at >= j.facts.Window.ActiveEnd {
		j.differ("operator %v opened the window at block %d", n.Operator, at)
	}
	for _, d := range j.facts.Deeds {
		switch {
		case d.Kind == deedReorg:
			if n.Detail.Opened.Hash != d.Replaced[0] || at > d.From {
				j.differ("operator %v has not opened the window once, before block %d was replaced", n.Operator, j.facts.Window.Block)
			}
		case d.Operator != n.Operator:
		case d.Kind == deedSkippedHeads && at <= d.To:
			j.differ("operator %v opened the window at block %d, which was kept from it", n.Operator, at)
		case d.Kind == deedRestart && at > d.From:
			j.differ("operator %v was killed before it opened the window", n.Operator)
		case d.Kind == deedLateStart && at != d.To:
			j.differ("operator %v opened the window at block %d, and was started at block %d", n.Operator, at, d.To)
		}
	}
}

// proofs is how many signed messages a fault of a kind must hold.
var proofs = map[faults.Kind]int{
	faults.LeaderEquivocation: 2, faults.LeaderImpersonation: 1, faults.LeaderMistake: 1, faults.LeaderIdle: 0,
}
