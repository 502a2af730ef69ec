package signing

import "github.com/walletnode/walletnode/chain"

// standing is what a run has seen of the wallet's operators in its attempts: whom it waits for, and whom it names.
type standing struct {
	silent  map[chain.Operator]bool // were named once and said nothing: they are named again only where there are too few without them
	cheats  map[chain.Operator]bool // broke an attempt: they are not named again
	suspect map[chain.Operator]int  // attempts that failed for no known cause, with this operator
	results map[chain.Operator]int  // of this operator that were looked at
}

// maxResults is how many results of one operator are looked at: they cost a verification each.
const maxResults = 16

func newStanding() standing {
	return standing{
		silent: make(map[chain.Operator]bool), cheats: make(map[chain.Operator]bool),
		suspect: make(map[chain.Operator]int), results: make(map[chain.Operator]int),
	}
}

// allHere reports whether everybody who can be named has announced itself.
func (s standing) allHere(b *board, wallet chain.Wallet) bool {
	for _, op := range wallet.Roster() {
		if b.announced[op] == nil && !s.silent[op] && !s.cheats[op] {
			return false
		}
	}
	return true
}

// honest returns the announced operators without cheats, in no order that matters.
func (s standing) honest(b *board) []candidate {
	return s.candidates(b, func(op chain.Operator) bool { return !s.cheats[op] })
}

// responsive returns the honest ones without those who were silent, in no order that matters.
func (s standing) responsive(b *board) []candidate {
	return s.candidates(b, func(op chain.Operator) bool { return !s.cheats[op] && !s.silent[op] })
}

func (s standing) candidates(b *board, may func(chain.Operator) bool) []candidate {
	var found []candidate
	for op, seats := range b.announced {
		if may(op) {
			found = append(found, candidate{op, seats, s.suspect[op]})
		}
	}
	return found
}

// mayProve reports whether one more result of an operator is looked at, and counts it.
func (s standing) mayProve(op chain.Operator) bool {
	if s.results[op] >= maxResults {
		return false
	}
	s.results[op]++
	return true
}
