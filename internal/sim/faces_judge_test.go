package sim

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// staging is what honest nodes were shown: in one window a leader told each side of a cut something else, and it was away in the next one.
// What they must have on record follows from it alone (rule R10).
type staging struct {
	slot evidence.Slot                        // of the cheat
	said [][]byte                             // the envelopes that the leader sent
	told map[chain.Operator]proposal.Proposal // what each of the honest heard of them
	next chain.Height                         // the coordination block of the next window
	then chain.Operator                       // who leads it; if it is the same operator, it says nothing
}

// onRecord is what one node has on record after both windows, by its public read path.
type onRecord struct {
	operator chain.Operator
	rows     []store.WindowRow
	faults   []faults.Record
	proofs   []heldProof
}

// heldProof is a proof as a node holds it, and what the verifier ends with about it, as a process of its own.
type heldProof struct {
	at      chain.Height // at which it was stored
	encoded []byte
	exit    int
}

// judge returns in what the records of the honest nodes differ from what they must be: a row for each window, no fault but the absence in the
// second one, and one proof each, which was there before the second one began. It is a function of values.
func (s staging) judge(nodes []onRecord) (differences []string) {
	differ := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }
	for op := range s.told {
		if n := len(slices.DeleteFunc(slices.Clone(nodes), func(n onRecord) bool { return n.operator != op })); n != 1 {
			differ("operator %v: %d nodes", op, n)
		}
	}
	for _, n := range nodes {
		about := func(format string, args ...any) {
			differ("operator %v: "+format, append([]any{n.operator}, args...)...)
		}
		if len(n.rows) != 2 {
			about("%d rows for two windows", len(n.rows))
		}
		for _, row := range n.rows {
			if want := s.row(n.operator, row.Block); row.Wallet != s.slot.Wallet || row.Leader != want.Leader || row.Reason != want.Reason ||
				!sameProposal(row.Proposal, want.Proposal) {
				about("window %d, leader %v, %s, %v; it must be leader %v, %s, %v",
					row.Block, row.Leader, row.Reason, row.Proposal, want.Leader, want.Reason, want.Proposal)
			}
		}
		if found, want := accusations(n.faults), s.faults(); !slices.Equal(found, want) {
			about("faults %v; they must be %v", found, want)
		}
		if len(n.proofs) != 1 {
			about("%d proofs of one misdeed", len(n.proofs))
		}
		for _, p := range n.proofs {
			s.proof(p, about)
		}
	}
	return differences
}

// row is what an operator's node must have of a window.
func (s staging) row(op chain.Operator, window chain.Height) store.WindowRow {
	told := s.told[op]
	switch {
	case window == s.slot.Window && told != nil && told.Kind() == proposal.KindNoop:
		return store.WindowRow{Leader: s.slot.Operator, Reason: coordination.ReasonNoop, Proposal: told}
	case window == s.slot.Window:
		return store.WindowRow{Leader: s.slot.Operator, Reason: coordination.ReasonOK, Proposal: told}
	case window == s.next && s.then == s.slot.Operator:
		return store.WindowRow{Leader: s.then, Reason: coordination.ReasonLeaderIdle}
	case window == s.next:
		return store.WindowRow{Leader: s.then, Reason: coordination.ReasonNoop, Proposal: proposal.Noop{}}
	}
	return store.WindowRow{} // of another window there is nothing to have
}

func sameProposal(a, b proposal.Proposal) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(proposal.EncodeMessage(proposal.Message{Proposal: a}), proposal.EncodeMessage(proposal.Message{Proposal: b}))
}

// accusation is what counts of a fault.
type accusation struct {
	faults.Key
	attributed bool
}

func accusations(records []faults.Record) (all []accusation) {
	for _, r := range records {
		all = append(all, accusation{r.Key, r.Attributed})
	}
	return all
}

// faults are those that every honest node must have, and no others: nobody saw both faces in the window.
func (s staging) faults() []accusation {
	if s.then != s.slot.Operator {
		return nil
	}
	return []accusation{{faults.Key{Wallet: s.slot.Wallet, Window: s.next, Kind: faults.LeaderIdle, Culprit: s.then}, true}}
}

// proof judges one that is held.
func (s staging) proof(p heldProof, differ func(format string, args ...any)) {
	proof, err := evidence.Decode(p.encoded)
	switch {
	case err != nil:
		differ("holds what is no proof: %v", err)
		return
	case proof.Kind != evidence.TwoStatements || proof.Slot() != s.slot:
		differ("holds a proof of %s against %v, which must be of two statements against %v", proof.Kind, proof.Slot(), s.slot)
	case p.at >= s.next:
		differ("had the proof at block %d, which is not within one window", p.at)
	case p.exit != 0:
		differ("holds a proof that the verifier ends with %d about", p.exit)
	}
	for _, statement := range proof.Statements() {
		m, err := wire.ParsePubsub(statement.Signed())
		if err != nil || !slices.ContainsFunc(s.said, func(envelope []byte) bool { return bytes.Equal(envelope, m.Data()) }) {
			differ("holds a proof against %v with a message that it did not send", proof.Slot().Operator)
		}
	}
}
