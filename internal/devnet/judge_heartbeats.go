package devnet

import (
	"cmp"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// lacksOfDraw says what a block that is said to have drawn a heartbeat lacks; empty for nothing.
func (j *judge) lacksOfDraw(d deed) string {
	switch i := slices.IndexFunc(j.elections, func(e election) bool { return e.wallet.ID() == d.Wallet }); {
	case d.From != j.facts.Window.SeedBlock || d.To != d.From:
		return "not the block that decides"
	case i < 0 || !j.elections[i].allows(proposal.KindHeartbeat):
		return "no heartbeat is on the wallet's checklist"
	case j.elections[i].honestKind() != proposal.KindHeartbeat:
		return "there is more urgent business than a heartbeat"
	}
	return ""
}

// poorly demands that a heartbeat which was drawn is poor, and that its wallet has its quorum all the same.
func (j *judge) poorly() {
	if !slices.ContainsFunc(j.facts.Deeds, func(d deed) bool { return d.Kind == deedDrawn }) {
		j.differ("no %s took place: the scenario was not played", deedDrawn)
	}
	for _, d := range j.facts.Deeds {
		i := slices.IndexFunc(j.facts.Wallets, func(w walletFacts) bool { return w.Wallet.ID() == d.Wallet && w.Purse != nil })
		if d.Kind != deedDrawn || i < 0 {
			continue
		}
		w := j.facts.Wallets[i]
		if left := seatsLeft(w.Wallet, j.facts.Shares, j.facts.silent()); left < w.Purse.Threshold || poor(w.Wallet, j.facts) == nil {
			j.differ("%d of wallet %v's %d seats could sign: as many as it takes, %d, and fewer than %d %%, of two operators at least, are wanted",
				left, d.Wallet, w.Wallet.Seats(), w.Purse.Threshold, poorShare)
		}
	}
}

// counted demands that a node which followed a heartbeat has counted who was there: each seat is active or its operator absent, nobody
// is active whose signer was down, and nobody absent who signed.
func (j *judge) counted(w chain.Wallet, s signing.Signing, differ func(string, ...any)) {
	newest, ok := s.Newest()
	if !ok {
		differ("followed no attempt of the heartbeat from its beginning")
		return
	}
	absent := 0
	for seat := chain.Seat(1); int(seat) <= w.Seats(); seat++ {
		op, _ := w.At(seat)
		away := slices.Contains(newest.Absent, op)
		if away {
			absent++
		}
		if !away && unsignable(op, w.ID(), j.facts.Shares, j.facts.silent()) {
			differ("counts operator %v, whose signer was down, as active", op)
		}
		if away && slices.Contains(newest.Signers, int(seat)) {
			differ("has operator %v both absent and among the signers", op)
		}
	}
	if newest.Active+absent != w.Seats() {
		differ("counts %d seats active and %d absent, of %d", newest.Active, absent, w.Seats())
	}
}

// inactivity demands a finding exactly of those who were absent from three poor heartbeats in a row, the third of which is this
// window's; the nodes of those operators themselves have none.
func (j *judge) inactivity(n nodeFacts, e election, differ func(string, ...any)) {
	var want []chain.Operator
	i := slices.IndexFunc(j.facts.Wallets, func(w walletFacts) bool { return w.Wallet.ID() == e.wallet.ID() })
	w := j.facts.Wallets[i]
	if e.honestKind() == proposal.KindHeartbeat && len(w.Poor) >= poorInARow-1 {
		want = poor(w.Wallet, j.facts)
		for _, before := range w.Poor[len(w.Poor)-poorInARow+1:] {
			want = slices.DeleteFunc(want, func(op chain.Operator) bool { return !slices.Contains(before, op) })
		}
	}
	if slices.Contains(want, n.Operator) {
		want = nil // it did not see the others
	}
	var seats []chain.Seat
	for _, op := range want {
		seats = append(seats, w.Wallet.SeatsOf(op)...)
	}
	var have store.Inactive
	for _, found := range n.Inactive {
		if found.Wallet == e.wallet.ID() {
			have = found
		}
	}
	if !sameSet(have.Operators, want, func(a, b chain.Operator) int { return slices.Compare(a[:], b[:]) }) || !sameSet(have.Seats, seats, cmp.Compare) {
		differ("found seats %v of %v inactive, want %v of %v", have.Seats, have.Operators, seats, want)
	}
}

// sameSet reports whether two lists hold the same, in any order.
func sameSet[T comparable](a, b []T, order func(T, T) int) bool {
	return slices.Equal(slices.SortedFunc(slices.Values(a), order), slices.SortedFunc(slices.Values(b), order))
}
