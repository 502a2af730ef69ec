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

// row demands everything of one node's row of one wallet.
func (j *judge) row(n nodeFacts, e election, r store.WalletDetail) {
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
	leaderDown := slices.ContainsFunc(j.facts.Nodes, func(n nodeFacts) bool { return n.Down && n.Operator == e.leader })
	switch {
	// Its node was taken down for the sake of another wallet, or did not know that the window had come.
	case (len(deeds) == 0 || want.deed == deedFlood) && (leaderDown || j.stalled(e.leader) || j.blind(e.leader)):
		o := outcome{reason: coordination.ReasonLeaderIdle, faults: []accusation{{faults.LeaderIdle, e.leader, true}}}
		if len(deeds) > 0 {
			o.faults = append(o.faults, want.accuses(deeds)...)
		}
		return o
	case len(deeds) == 0:
		return outcome{agreed: true, reason: reasonOf(e.honestKind())}
	}
	o := outcome{agreed: want.agreed, reason: want.reason}
	if want.agreed {
		o.reason = reasonOf(j.wanted(op, e))
	}
	o.faults = want.accuses(deeds)
	return o
}

// accuses returns the fault that there is for deeds. Replaying what others said is no word of one's own.
func (w expectation) accuses(deeds []deed) []accusation {
	if w.fault == "" || deeds[0].Kind == deedFlood {
		return nil
	}
	return []accusation{{w.fault, deeds[0].Operator, true}}
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

// evidence says what is wrong with the signed messages of a fault: each must be signed by the culprit and be among
// what the culprit really sent.
func (j *judge) evidence(e election, f faults.Fault) string {
	if len(f.Evidence) != proofs[f.Kind] {
		return fmt.Sprintf("%d messages, want %d", len(f.Evidence), proofs[f.Kind])
	}
	for i, signed := range f.Evidence {
		author, data, err := verified(signed)
		if err != nil {
			return err.Error()
		}
		sent := slices.ContainsFunc(on(e.wallet.ID(), j.facts.Deeds), func(d deed) bool {
			return d.Operator == f.Culprit && bytes.Equal(d.Envelope, data)
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

// verified returns who signed a message of the network, and the envelope in it; an error says that nobody did.
func verified(signed []byte) (author wire.PublicKey, envelope []byte, err error) {
	m, err := wire.ParsePubsub(signed)
	if err != nil {
		return author, nil, err
	}
	author, err = m.Verify()
	return author, m.Data(), err
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
