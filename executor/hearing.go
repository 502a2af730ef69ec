package executor

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// leaderStatements is how many differing statements of the leader are kept: two prove equivocation, and a third
// adds nothing.
const leaderStatements = 2

// hearing is what the members of one wallet said in one window, and what is wrong with it. It is pure: no clock,
// no store, no network. It is bounded by the roster: two statements of the leader, one of every other operator.
type hearing struct {
	wallet    chain.Wallet
	window    coordination.Window
	leader    chain.Operator
	checklist []proposal.Kind

	said      []heard // by the leader, in order of arrival
	impostors []coordination.Statement
}

// heard is one statement of the leader.
type heard struct {
	coordination.Statement
	proposal  proposal.Proposal
	objection string // why it can never be accepted; empty if it depends on the chain's validator alone
}

// offence is a misdeed before it is weighed against what the observer could see.
type offence struct {
	faults.Key
	detail   string
	evidence [][]byte
	late     bool // an idle leader's message arrived after all
}

// knows reports whether the statement adds nothing to what was heard.
func (h *hearing) knows(s coordination.Statement) bool {
	if s.Author != h.leader {
		return slices.ContainsFunc(h.impostors, func(i coordination.Statement) bool { return i.Author == s.Author })
	}
	return len(h.said) == leaderStatements ||
		slices.ContainsFunc(h.said, func(m heard) bool { return m.Digest == s.Digest })
}

// hear takes a statement in; one that adds nothing is dropped (rule R2). The message is the statement's payload,
// decoded.
func (h *hearing) hear(s coordination.Statement, m proposal.Message) {
	switch {
	case h.knows(s):
	case s.Author != h.leader:
		h.impostors = append(h.impostors, s)
	default:
		h.said = append(h.said, heard{Statement: s, proposal: m.Proposal, objection: h.objection(s.Seat, m.Proposal)})
	}
}

// objection says what is wrong with a leader's statement in itself (rule R3).
func (h *hearing) objection(seat chain.Seat, p proposal.Proposal) string {
	if lowest := h.wallet.LowestSeat(h.leader); seat != lowest {
		return fmt.Sprintf("sent from seat %d, the leader's lowest is %d", seat, lowest)
	}
	if kind := p.Kind(); kind != proposal.KindNoop && !slices.Contains(h.checklist, kind) {
		return fmt.Sprintf("proposed %v, which is not on the checklist", kind)
	}
	return ""
}

// equivocal reports whether the leader said two differing things.
func (h *hearing) equivocal() bool { return len(h.said) == leaderStatements }

// candidate returns the statement that decides the window if the chain's validator agrees; false if there is none.
func (h *hearing) candidate() (heard, bool) {
	if len(h.said) != 1 || h.said[0].objection != "" {
		return heard{}, false
	}
	return h.said[0], true
}

// offences returns what was done wrong by what was said; silence and refusals are judged elsewhere.
func (h *hearing) offences() []offence {
	var found []offence
	if h.equivocal() {
		found = append(found, offence{
			Key:      h.key(faults.LeaderEquivocation, h.leader),
			detail:   fmt.Sprintf("said %v, then %v", h.said[0].proposal.Kind(), h.said[1].proposal.Kind()),
			evidence: evidence(h.said[0].Statement, h.said[1].Statement),
		})
	}
	for _, m := range h.said {
		if m.objection != "" {
			found = append(found, offence{
				Key:      h.key(faults.LeaderMistake, h.leader),
				detail:   m.objection,
				evidence: evidence(m.Statement),
			})
			break // one fault per culprit, kind, wallet and window
		}
	}
	for _, s := range h.impostors {
		found = append(found, offence{
			Key:      h.key(faults.LeaderImpersonation, s.Author),
			detail:   fmt.Sprintf("claimed seat %d", s.Seat),
			evidence: evidence(s),
		})
	}
	return found
}

func (h *hearing) key(kind faults.Kind, culprit chain.Operator) faults.Key {
	return faults.Key{Wallet: h.wallet.ID(), Window: h.window.Block, Kind: kind, Culprit: culprit}
}

// evidence collects the signed messages of statements. What this node said itself as leader has none: the network
// layer signs it on the way out.
func evidence(statements ...coordination.Statement) [][]byte {
	var signed [][]byte
	for _, s := range statements {
		if len(s.Signed) > 0 {
			signed = append(signed, s.Signed)
		}
	}
	return signed
}
