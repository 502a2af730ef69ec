package devnet

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/proposal"
)

// poorShare is the share of a wallet's seats, in percent, below which a heartbeat is poor, and poorInARow how many poor ones in
// a row make those inactive who were absent from all of them. They are the network's, not the nodes' to choose.
const (
	poorShare  = 70
	poorInARow = 3
)

// hurry is how many blocks before a window's end the chain slows down where it is counted who is there from the first block of
// its actions on.
const hurry = 2

// drawn returns the wallet that must have a heartbeat on its checklist in this window: the first one, or each by turns.
func (a *act) drawn() chain.Wallet {
	if a.scenario.inactive {
		return a.wallets[0]
	}
	return a.wallets[int(a.window.Index)%len(a.wallets)] //nolint:gosec // a remainder
}

// draw has block c-32 made anew until its hash puts a heartbeat on the wallet's checklist, which one in sixteen does. Nodes see the
// newest block be replaced, as happens on any chain; what follows from it is their own business.
func (a *act) draw(ctx context.Context) error {
	w := a.drawn()
	suits := func(h chain.Header) bool {
		return slices.Contains(executor.Checklist(executor.Seed(w.ID(), h.Hash), a.window.Index), proposal.KindHeartbeat)
	}
	tries, err := a.chain.Redraw(ctx, a.window.SeedBlock, suits)
	if err != nil {
		return fmt.Errorf("draw a heartbeat: %w", err)
	}
	a.log.Info("A heartbeat is on the checklist", "window", a.window.Block, "wallet", w.ID(), "replaced", tries)
	a.deeds = append(a.deeds, deed{Kind: deedDrawn, Wallet: w.ID(), From: a.window.SeedBlock, To: a.window.SeedBlock})
	return a.standStill(ctx, knownAt(a.window))
}

// countPoor notes, after a window, which wallets' heartbeats lacked the same signers as those before.
func (h *holdings) countPoor(f facts) {
	for _, w := range f.Wallets {
		e := elect(w.Wallet, f.Window, f.Safe, w.Due)
		if e.honestKind() != proposal.KindHeartbeat {
			continue
		}
		id := w.Wallet.ID()
		if absent := poor(w.Wallet, f); absent == nil {
			delete(h.poor, id)
		} else {
			h.poor[id] = append(h.poor[id], absent)
		}
	}
}

// poor returns the operators whose shares of a wallet nobody could use in a window, if these are so many that its heartbeat is
// poor, and are not everybody but one, who cannot tell whether it was alone; else nil.
func poor(w chain.Wallet, f facts) []chain.Operator {
	down := f.silent()
	missing := slices.DeleteFunc(w.Operators(), func(op chain.Operator) bool { return !unsignable(op, w.ID(), f.Shares, down) })
	if seatsLeft(w, f.Shares, down)*100 >= poorShare*w.Seats() || len(missing) >= len(w.Operators())-1 {
		return nil
	}
	return missing
}

// planInactive has as many signers stopped as make the first wallet's heartbeat poor, and leave it its quorum and two operators at
// least: the same ones in each window.
func planInactive(s stage) plan {
	var p plan
	w := s.elections[0].wallet
	for _, held := range s.shares {
		left := seatsLeft(w, s.shares, p.silent)
		one := share{Operator: held.Operator, Signer: held.Signer}
		if held.Wallet != w.ID() || left*100 < poorShare*w.Seats() || slices.Contains(p.silent, one) {
			continue
		}
		more := append(slices.Clone(p.silent), one)
		present := slices.DeleteFunc(w.Operators(), func(op chain.Operator) bool { return unsignable(op, w.ID(), s.shares, more) })
		if seatsLeft(w, s.shares, more) >= s.threshold && len(present) >= lastHonest {
			p.silent = more
		}
	}
	return p
}
