package exchange

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

// circle is with whom wallets are shared. It does not change.
type circle struct {
	now, before []chain.Wallet // of which it was made

	wallets   map[chain.WalletID]chain.Wallet // those of before as well, as long as heads are about them
	operators []chain.Operator                // of those of now, ascending, with ourselves
}

func newCircle(now, before []chain.Wallet) circle {
	c := circle{now: slices.Clone(now), before: slices.Clone(before), wallets: make(map[chain.WalletID]chain.Wallet, len(now))}
	seen := map[chain.Operator]bool{}
	for _, w := range before {
		c.wallets[w.ID()] = w
	}
	for _, w := range now {
		c.wallets[w.ID()] = w
		for _, op := range w.Operators() {
			if !seen[op] {
				seen[op] = true
				c.operators = append(c.operators, op)
			}
		}
	}
	slices.SortFunc(c.operators, func(a, b chain.Operator) int { return bytes.Compare(a[:], b[:]) })
	return c
}

// of reports whether it was made of some wallets. A wallet's roster never changes, so its name tells them apart.
func (c circle) of(now, before []chain.Wallet) bool {
	alike := func(a, b chain.Wallet) bool { return a.ID() == b.ID() && a.Seats() == b.Seats() }
	return slices.EqualFunc(c.now, now, alike) && slices.EqualFunc(c.before, before, alike)
}

func (c circle) holds(op chain.Operator) bool { return slices.Contains(c.operators, op) }

// common returns the wallets in which an operator holds a seat, too.
func (c circle) common(with chain.Operator) []chain.WalletID {
	var ids []chain.WalletID
	for id, w := range c.wallets {
		if w.Holds(with) {
			ids = append(ids, id)
		}
	}
	return ids
}

// witnesses are those who are to have a proof: who shares the wallet with the culprit, or for a proof of heads any wallet, but for
// the culprit and ourselves.
func (c circle) witnesses(slot evidence.Slot, self chain.Operator) []chain.Operator {
	var all []chain.Operator
	for _, op := range c.operators {
		shares := false
		for id, w := range c.wallets {
			if (slot.Wallet == chain.WalletID{} || slot.Wallet == id) && w.Holds(slot.Operator) && w.Holds(op) {
				shares = true
				break
			}
		}
		if shares && op != slot.Operator && op != self {
			all = append(all, op)
		}
	}
	return all
}

// verify checks a proof against the operators of our wallets. Errors are an *evidence.Refusal.
func (c circle) verify(chainID uint64, encoded []byte) (evidence.Proof, error) {
	p, err := evidence.Decode(encoded)
	if err != nil {
		return evidence.Proof{}, err
	}
	slot := p.Slot()
	for id, w := range c.wallets {
		if slot.Wallet == id || slot.Wallet == (chain.WalletID{}) && w.Holds(slot.Operator) {
			return evidence.Verify(encoded, evidence.Operators{Chain: chainID, Wallet: w})
		}
	}
	return p, fmt.Errorf("no wallet of ours has the operators to judge a proof about %v", slot)
}
