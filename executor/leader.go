package executor

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// Leader elects the window's leader among the operators of a roster: their distinct EIP-55 texts, sorted byte by
// byte (which is not the order of the addresses as numbers), shuffled with the seed; the first one leads. The
// order of the roster and the number of seats do not matter. An empty roster has no leader: the zero Operator.
func Leader(seed [32]byte, roster []chain.Operator) chain.Operator {
	if len(roster) == 0 {
		return chain.Operator{}
	}
	texts := make(map[string]chain.Operator, len(roster))
	for _, op := range roster {
		texts[op.String()] = op
	}
	sorted := make([]string, 0, len(texts))
	for text := range texts {
		sorted = append(sorted, text)
	}
	slices.Sort(sorted)
	newRNG(seed).Shuffle(len(sorted), func(i, j int) { sorted[i], sorted[j] = sorted[j], sorted[i] })
	return texts[sorted[0]]
}
