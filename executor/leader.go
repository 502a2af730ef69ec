package executor

import (
	"math/rand"
	"slices"
	"strings"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// Electorate is who can be elected in a wallet: its operators, each once, in the order of their EIP-55 texts byte by
// byte, which is not the order of the addresses as numbers. The order follows from the roster alone and each text costs
// a Keccak hash, so it is worth keeping from window to window. The zero value has nobody.
type Electorate struct{ sorted []chain.Operator }

// NewElectorate derives the electorate of a roster, whose order and number of seats do not matter.
func NewElectorate(roster []chain.Operator) Electorate {
	type candidate struct {
		operator chain.Operator
		text     string
	}
	candidates := make([]candidate, 0, len(roster))
	seen := make(map[chain.Operator]bool, len(roster))
	for _, op := range roster {
		if !seen[op] {
			seen[op] = true
			candidates = append(candidates, candidate{op, op.String()})
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int { return strings.Compare(a.text, b.text) })
	sorted := make([]chain.Operator, len(candidates))
	for i, c := range candidates {
		sorted[i] = c.operator
	}
	return Electorate{sorted}
}

// Elect returns what Leader and Checklist return for the window of this index, with one generator's seeding for both.
func (e Electorate) Elect(seed [32]byte, index uint64) (chain.Operator, []proposal.Kind) {
	source := &memo{Source: newSource(seed)}
	leader := e.draw(rand.New(source))
	return leader, checklist(index, heartbeatFrom(source.opening(), seed))
}

// draw shuffles the electorate; the first one leads. Nobody leads an empty one: the zero Operator.
func (e Electorate) draw(rng *rand.Rand) chain.Operator {
	if len(e.sorted) == 0 {
		return chain.Operator{}
	}
	order := slices.Clone(e.sorted)
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order[0]
}

// Leader elects the window's leader among the operators of a roster (RFC 12). An empty roster has no
// leader: the zero Operator.
func Leader(seed [32]byte, roster []chain.Operator) chain.Operator {
	return NewElectorate(roster).draw(newRNG(seed))
}

// Electorates keeps the electorate of each wallet between windows. It holds one entry for each wallet it was ever asked
// for, some 2 kB at 100 seats. Safe for concurrent use; the zero value is empty.
type Electorates struct {
	mu    sync.Mutex
	known map[chain.WalletID]known
}

type known struct {
	wallet     chain.Wallet
	electorate Electorate
}

// Of returns the wallet's electorate. A wallet whose roster has changed gets a new one.
func (e *Electorates) Of(w chain.Wallet) Electorate {
	e.mu.Lock()
	defer e.mu.Unlock()
	if k, ok := e.known[w.ID()]; ok && sameRoster(k.wallet, w) {
		return k.electorate
	}
	if e.known == nil {
		e.known = make(map[chain.WalletID]known)
	}
	k := known{w, NewElectorate(w.Roster())}
	e.known[w.ID()] = k
	return k.electorate
}

func sameRoster(a, b chain.Wallet) bool {
	if a.Seats() != b.Seats() {
		return false
	}
	for seat := 1; seat <= a.Seats(); seat++ {
		x, _ := a.At(chain.Seat(seat)) //nolint:gosec // at most chain.MaxSeats
		y, _ := b.At(chain.Seat(seat)) //nolint:gosec // at most chain.MaxSeats
		if x != y {
			return false
		}
	}
	return true
}
