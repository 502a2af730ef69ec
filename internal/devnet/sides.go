package devnet

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// sides are the two groups of operators that a partition makes.
type sides [2][]chain.Operator

// of returns an operator's side; nil if it is on none.
func (s sides) of(op chain.Operator) []chain.Operator {
	for _, side := range s {
		if slices.Contains(side, op) {
			return side
		}
	}
	return nil
}

// apart reports whether two operators are on different sides.
func (s sides) apart(a, b chain.Operator) bool {
	side := s.of(a)
	return side != nil && s.of(b) != nil && !slices.Contains(side, b)
}

// company reports whether an operator has another one of the wallet on its side.
func (s sides) company(op chain.Operator, wallet chain.Wallet) bool {
	return slices.ContainsFunc(s.of(op), func(other chain.Operator) bool { return other != op && wallet.Holds(other) })
}
