package devnet

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// named demands that somebody names each cheat.
func (j *judge) named() {
	for _, d := range j.facts.Deeds {
		if d.Kind != deedCheat {
			continue
		}
		if !slices.ContainsFunc(j.facts.Nodes, func(n nodeFacts) bool {
			return slices.ContainsFunc(n.signed(d.Wallet).Blames, func(b signing.Blame) bool { return b.Operator == d.Operator && b.Attempt == d.Attempt })
		}) {
			j.differ("nobody names operator %v, who cheated in attempt %d", d.Operator, d.Attempt)
		}
	}
}

// blames demands that a node blames exactly those who cheated in sessions that it took part in, and that whoever cheated has no
// part in what was signed in the end.
func (j *judge) blames(n nodeFacts, w chain.Wallet, s signing.Signing, differ func(string, ...any)) {
	cheats := on(w.ID(), j.facts.Deeds)
	cheats = slices.DeleteFunc(cheats, func(d deed) bool { return d.Kind != deedCheat })
	for _, b := range s.Blames {
		if !slices.ContainsFunc(cheats, func(d deed) bool { return d.Operator == b.Operator && d.Attempt == b.Attempt }) {
			differ("blames operator %v for attempt %d (%s), who did nothing", b.Operator, b.Attempt, b.Detail)
		}
	}
	for _, d := range cheats {
		if n.Operator == d.Operator {
			continue
		}
		took := slices.ContainsFunc(w.SeatsOf(n.Operator), func(seat chain.Seat) bool { return slices.Contains(d.Signers, seat) })
		named := slices.ContainsFunc(s.Blames, func(b signing.Blame) bool {
			return b.Operator == d.Operator && b.Attempt == d.Attempt && b.Misdeed == signing.MisdeedScheme
		})
		deaf := slices.ContainsFunc(s.Attempts, func(a signing.Attempt) bool { return a.Number == d.Attempt && a.Result == signing.ResultSilent })
		if took && !named && !deaf { // who has not heard the wrong part in time cannot name who said it
			differ("took part in attempt %d and does not blame operator %v, who cheated", d.Attempt, d.Operator)
		}
		for _, a := range s.Attempts {
			left := !slices.ContainsFunc(w.SeatsOf(d.Operator), func(seat chain.Seat) bool { return slices.Contains(a.Signers, int(seat)) })
			if a.Result == signing.ResultSigned && !left {
				differ("attempt %d was signed with seats of operator %v, who cheats", a.Number, d.Operator)
			}
		}
	}
}
