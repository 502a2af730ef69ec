package devnet

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// Judge compares what the nodes recorded of one window with what the scenario demands, and returns every difference
// as a sentence; none means that all is as it must be. It is a pure function: leader, checklist and culprit follow
// from the chain's facts and from who signed, never from a node's own rows (rule R10).
func Judge(scenarioName string, f Facts) []string {
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
	facts       Facts
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
		switch {
		case d.Kind != want.deed && (want.with == "" || d.Kind != want.with):
			j.differ("scenario %s does not have the %v", j.scenario.Name, d)
		case d.ofEndpoint():
			if lacks := d.unproven(j.facts.Window); lacks != "" {
				j.differ("%s: %v, endpoint %d", lacks, d, d.Endpoint)
				continue
			}
			done++
		case d.ofSigner():
			if lacks := j.lacksOfSigner(d, j.facts.Window); lacks != "" {
				j.differ("%s: %v, %s", lacks, d, d.Signer)
				continue
			}
			done++
		case d.Kind == DeedDrawn:
			if lacks := j.lacksOfDraw(d); lacks != "" {
				j.differ("%s: %v, wallet %v", lacks, d, d.Wallet)
				continue
			}
			if d.Kind == want.deed {
				done++
			}
		case d.Kind == DeedCheat:
			if d.From < j.facts.Window.End {
				j.differ("before the actions: %v", d)
				continue
			}
			done++
		case !d.within(j.facts.Window):
			j.differ("not within the active phase: %v", d)
		case d.Kind == DeedStalledChain && (d.From != j.facts.Window.Block || d.To != j.facts.Window.ActiveEnd-1):
			j.differ("not the whole active phase: %v", d)
		case d.Kind == DeedSlowDisk && d.Peers == 0:
			j.differ("nobody wrote while the node could not: %v", d)
		case d.Kind == DeedPartition && !j.parts(d):
			j.differ("not two sides that hold every operator: %v", d)
		case d.Kind == DeedReorg && d.Replaced[0] == d.Replaced[1]:
			j.differ("block %d was not replaced: %v", j.facts.Window.Block, d)
		case d.Kind == want.deed:
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

// downNode demands that a node which did not run has nothing of the window but the record that it was down. One that
// had never accounted for a window has not even that (rule R1).
func (j *judge) downNode(n NodeFacts) {
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
	return slices.ContainsFunc(j.facts.Deeds, func(d Deed) bool { return d.Kind == DeedStalledChain && d.Operator == op })
}

// stalledNode demands that a node which saw no block of the active phase has nothing of the window but the record of
// why it missed it.
func (j *judge) stalledNode(n NodeFacts) {
	if n.Detail.Opened != nil || len(n.Detail.Wallets) > 0 {
		j.differ("operator %v saw no block of the window and took part all the same", n.Operator)
	}
	if missed := n.Detail.Missed; missed == nil || missed.Reason != coordination.ReasonChainStalled {
		j.differ("operator %v saw no block of the window and did not record it as missed because of that", n.Operator)
	}
}

// node demands one row for each wallet of the operator, and each as it must be.
func (j *judge) node(n NodeFacts) {
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
func (j *judge) opening(n NodeFacts) {
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
		case d.Kind == DeedReorg:
			if n.Detail.Opened.Hash != d.Replaced[0] || at > d.From {
				j.differ("operator %v has not opened the window once, before block %d was replaced", n.Operator, j.facts.Window.Block)
			}
		case d.Operator != n.Operator:
		case d.Kind == DeedSkippedHeads && at <= d.To:
			j.differ("operator %v opened the window at block %d, which was kept from it", n.Operator, at)
		case d.Kind == DeedRestart && at > d.From:
			j.differ("operator %v was killed before it opened the window", n.Operator)
		case d.Kind == DeedLateStart && at != d.To:
			j.differ("operator %v opened the window at block %d, and was started at block %d", n.Operator, at, d.To)
		}
	}
}

// row demands everything of one node's row of one wallet.
func (j *judge) row(n NodeFacts, e election, r store.WalletDetail) {
	op := n.Operator
	want := j.expected(op, e)
	differ := func(format string, args ...any) {
		j.differ("operator %v, wallet %v: %s", op, e.wallet.ID(), fmt.Sprintf(format, args...))
	}
	if r.Open {
		differ("has no result")
		return
	}
	role := coordination.RoleFollower
	if op == e.leader {
		role = coordination.RoleLeader
	}
	if r.Role != role {
		differ("role %q, want %q", r.Role, role)
	}
	if r.Leader != e.leader {
		differ("leader %v, want %v", r.Leader, e.leader)
	}
	if r.Reason != want.reason {
		differ("reason %q, want %q (%s)", r.Reason, want.reason, r.Detail)
	}
	j.agreement(op, e, want, r, differ)
	j.crossing(op, e, r, differ)
	j.faults(e, want, r, differ)
	j.action(n, e, r, differ)
}

// outcome is what one wallet's window must end in.
type outcome struct {
	agreed bool
	reason coordination.Reason
	faults []accusation
}

// accusation is what is compared of a fault.
type accusation struct {
	kind       faults.Kind
	culprit    chain.Operator
	attributed bool
}

func (a accusation) String() string {
	return fmt.Sprintf("(%s, %v, attributed %t)", a.kind, a.culprit, a.attributed)
}

// expected says what one wallet's window must end in on one operator's node.
func (j *judge) expected(op chain.Operator, e election) outcome {
	if o, cut := j.behind(op, e); cut {
		return o
	}
	want := j.scenario.expect
	deeds := on(e.wallet.ID(), j.facts.Deeds)
	leaderDown := slices.ContainsFunc(j.facts.Nodes, func(n NodeFacts) bool { return n.Down && n.Operator == e.leader })
	switch {
	// Its node was taken down for the sake of another wallet, or did not know that the window had come.
	case (len(deeds) == 0 || want.deed == DeedFlood) && (leaderDown || j.stalled(e.leader) || j.blind(e.leader)):
		return outcome{reason: coordination.ReasonLeaderIdle, faults: []accusation{{faults.LeaderIdle, e.leader, true}}}
	case len(deeds) == 0:
		return outcome{agreed: true, reason: reasonOf(e.honestKind())}
	}
	o := outcome{agreed: want.agreed, reason: want.reason}
	if want.agreed {
		o.reason = reasonOf(j.wanted(op, e))
	}
	if want.fault != "" && deeds[0].Kind != DeedFlood { // replaying what others said is no word of one's own
		o.faults = []accusation{{want.fault, deeds[0].Operator, true}}
	}
	return o
}

// wanted is what an operator must agree on: what it alone was told, or what an honest leader proposes.
func (j *judge) wanted(op chain.Operator, e election) proposal.Kind {
	if p, told := j.told(op, e); told {
		return p.Kind()
	}
	return e.honestKind()
}

func reasonOf(agreed proposal.Kind) coordination.Reason {
	if agreed == proposal.KindNoop {
		return coordination.ReasonNoop
	}
	return coordination.ReasonOK
}

// agreement demands the proposal that an honest leader makes, the same on every node; the one that was said to this side where
// there are two; or none.
func (j *judge) agreement(op chain.Operator, e election, want outcome, r store.WalletDetail, differ func(string, ...any)) {
	if !want.agreed {
		if r.Proposal != nil || r.ReceivedAt != 0 {
			differ("agreed on %v, received at block %d, want nothing", kindOf(r.Proposal), r.ReceivedAt)
		}
		return
	}
	if kind := j.wanted(op, e); r.Proposal == nil || r.Proposal.Kind() != kind {
		differ("agreed on %v, want %v", kindOf(r.Proposal), kind)
		return
	}
	// A message can arrive before the head that opens the window does: it is kept, and stamped with the height known.
	earliest := j.facts.Window.SeedBlock
	if r.Role == coordination.RoleLeader {
		earliest = j.facts.Window.Block
	}
	if r.ReceivedAt < earliest || r.ReceivedAt >= j.facts.Window.ActiveEnd {
		differ("received the proposal at block %d, want %d to %d", r.ReceivedAt, earliest, j.facts.Window.ActiveEnd-1)
	}
	if redemption, ok := r.Proposal.(proposal.Redemption); ok {
		j.redemption(e, redemption, differ)
	}
	if said, told := j.told(op, e); told {
		if !same(e.wallet.ID(), said, r.Proposal) {
			differ("agreed on another %v than was said on its side of the cut", r.Proposal.Kind())
		}
		return
	}
	if first := j.firstProposal(e); !same(e.wallet.ID(), first, r.Proposal) {
		differ("agreed on another %v than the first node", r.Proposal.Kind())
	}
}

// firstProposal is what the first node that has a proposal of a wallet agreed on.
func (j *judge) firstProposal(e election) proposal.Proposal {
	for _, n := range j.facts.Nodes {
		for _, r := range n.Detail.Wallets {
			if r.Wallet == e.wallet.ID() && r.Proposal != nil && !n.Down {
				return r.Proposal
			}
		}
	}
	return nil
}

// redemption demands that exactly the due requests are paid, at a fee that the contract allows.
func (j *judge) redemption(e election, p proposal.Redemption, differ func(string, ...any)) {
	if fee := p.TxFee; fee.Sign() <= 0 || !fee.IsUint64() || fee.Uint64() > j.facts.MostFee {
		differ("redemption at a fee of %v satoshi, want 1 to %d", fee, j.facts.MostFee)
	}
	if len(p.OutputScripts) != len(e.due) {
		differ("redemption of %d requests, want %d", len(p.OutputScripts), len(e.due))
	}
	for _, script := range e.due {
		if !holds(p.OutputScripts, script) {
			differ("redemption leaves out the request of %x", script)
		}
	}
}

// faults demands exactly the faults that are expected, each with evidence that is among what was really sent.
func (j *judge) faults(e election, want outcome, r store.WalletDetail, differ func(string, ...any)) {
	missing := slices.Clone(want.faults)
	for _, record := range r.Records {
		have := accusation{record.Kind, record.Culprit, record.Attributed}
		if i := slices.Index(missing, have); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
		} else {
			differ("records the fault %v (%s), want %v", have, record.Detail, want.faults)
		}
		if complaint := j.evidence(e, record.Fault); complaint != "" {
			differ("evidence of %v: %s", have, complaint)
		}
	}
	for _, lacking := range missing {
		differ("lacks the fault %v", lacking)
	}
}

// proofs is how many signed messages a fault of a kind must hold.
var proofs = map[faults.Kind]int{
	faults.LeaderEquivocation: 2, faults.LeaderImpersonation: 1, faults.LeaderMistake: 1, faults.LeaderIdle: 0,
}

// evidence says what is wrong with the signed messages of a fault: each must be signed by the culprit and be among
// what the culprit really sent.
func (j *judge) evidence(e election, f faults.Fault) string {
	if len(f.Evidence) != proofs[f.Kind] {
		return fmt.Sprintf("%d messages, want %d", len(f.Evidence), proofs[f.Kind])
	}
	for i, signed := range f.Evidence {
		m, err := wire.ParsePubsub(signed)
		if err != nil {
			return err.Error()
		}
		author, err := m.Verify()
		if err != nil {
			return err.Error()
		}
		sent := slices.ContainsFunc(on(e.wallet.ID(), j.facts.Deeds), func(d Deed) bool {
			return d.Operator == f.Culprit && bytes.Equal(d.Envelope, m.Data())
		})
		switch {
		case author.Operator() != f.Culprit:
			return fmt.Sprintf("signed by %v, not by the culprit", author.Operator())
		case !sent:
			return "the culprit never sent it"
		case i > 0 && bytes.Equal(signed, f.Evidence[0]):
			return "one message twice"
		}
	}
	return ""
}

// order demands an action row exactly if there is something to do, and how it ended.
func order(w coordination.Window, r store.WalletDetail, ended action.Outcome, differ func(string, ...any)) {
	if r.Proposal == nil || r.Proposal.Kind() == proposal.KindNoop {
		if r.Action != nil {
			differ("has an action though there is nothing to do")
		}
		return
	}
	a := r.Action
	switch {
	case a == nil:
		differ("has no action of the agreed %v", r.Proposal.Kind())
	case a.Outcome != string(ended) || a.Revoked:
		differ("the action ended in %q (%s; revoked: %t), want %q", a.Outcome, a.Detail, a.Revoked, ended)
	case !same(r.Wallet, a.Proposal, r.Proposal) || a.Start != w.End:
		differ("the action is not what was agreed on, from block %d", w.End)
	}
}

// same reports whether two proposals are equal as statements.
func same(wallet chain.WalletID, a, b proposal.Proposal) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := proposal.Message{Wallet: wallet, Proposal: a}, proposal.Message{Wallet: wallet, Proposal: b}
	return x.Digest() == y.Digest()
}

// kindOf names a proposal for people.
func kindOf(p proposal.Proposal) string {
	if p == nil {
		return "nothing"
	}
	return p.Kind().String()
}
