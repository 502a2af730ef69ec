package exchange

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// neighbours are the other operators as their heads and the comparisons with them have shown them: what each attested last, and of whom to be
// wary. Its mutex is held for one look or note; nothing else is locked meanwhile.
type neighbours struct {
	mu    sync.Mutex // guards what follows
	watch *heads.Watch
	wary  map[chain.Operator]bool // whose last comparison was not brought to its end, or whose heads are suspect
}

func newNeighbours(chainID uint64) *neighbours {
	return &neighbours{watch: heads.NewWatch(chainID), wary: map[chain.Operator]bool{}}
}

// recall takes heads that were heard, and stored, before: what they show was seen then.
func (n *neighbours) recall(heard []evidence.Head, of circle, now chain.Height) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range heard {
		n.watch.Take(h, of.holds(h.Operator), now)
	}
}

// take takes a head that was heard, and says what it shows.
func (n *neighbours) take(h evidence.Head, member bool, now chain.Height) (heads.Verdict, evidence.Proof) {
	n.mu.Lock()
	defer n.mu.Unlock()
	verdict, proof := n.watch.Take(h, member, now)
	if verdict == heads.Suspect {
		n.wary[h.Operator] = true
	}
	return verdict, proof
}

// compared notes whether a comparison was brought to its end.
func (n *neighbours) compared(peer chain.Operator, whole bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.wary, peer)
	if !whole {
		n.wary[peer] = true
	}
}

// newest returns the newest window up to one of ours of which an operator's head was heard, at most behind windows older.
func (n *neighbours) newest(peer chain.Operator, ours chain.Height) (chain.Height, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for back := chain.Height(0); back <= behind && ours > back*frequency; back++ {
		if _, heard := n.watch.Of(peer, ours-back*frequency); heard {
			return ours - back*frequency, true
		}
	}
	return 0, false
}

// order returns those of some operators whose head of a window was heard, in the order in which to compare with them. Chance picks, but those
// come first whose last comparison was not brought to its end, for half of few places at most: who never answers keeps nobody from being
// asked.
func (n *neighbours) order(some []chain.Operator, window chain.Height, few int) []chain.Operator {
	n.mu.Lock()
	defer n.mu.Unlock()
	var chosen []chain.Operator
	for _, op := range some {
		if _, told := n.watch.Of(op, window); told {
			chosen = append(chosen, op)
		}
	}
	rand.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	trusted := slices.DeleteFunc(slices.Clone(chosen), func(op chain.Operator) bool { return n.wary[op] })
	again := slices.DeleteFunc(chosen, func(op chain.Operator) bool { return !n.wary[op] })
	return slices.Concat(again[:min(len(again), few/2)], trusted, again[min(len(again), few/2):])
}
