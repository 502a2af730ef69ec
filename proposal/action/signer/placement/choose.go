package placement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// candidate is a backend that can take a new wallet.
type candidate struct {
	ID     string
	Weight int // at least 1
	Keys   int // that it holds or shall hold
}

// choose returns the backend of a new wallet, by the name of its key generation's session. The order of the candidates means
// nothing; false if there are none. draw returns a random number below its argument and is asked by Random alone.
func choose(policy Policy, session signer.SessionID, candidates []candidate, draw func(below uint64) uint64) (string, bool) {
	if len(candidates) == 0 {
		return "", false
	}
	switch policy {
	case Random:
		return drawn(candidates, draw), true
	case LeastLoaded:
		return slices.MinFunc(candidates, func(a, b candidate) int {
			// keys/weight of both, without a division
			byLoad := cmp.Compare(uint64(a.Keys)*uint64(b.Weight), uint64(b.Keys)*uint64(a.Weight)) //nolint:gosec // neither is negative
			return cmp.Or(byLoad, byRank(session, a, b))
		}).ID, true
	default:
		return slices.MinFunc(candidates, func(a, b candidate) int { return byRank(session, a, b) }).ID, true
	}
}

// byRank orders candidates by weighted rendezvous hashing: each has the next of a Poisson process of its weight's rate, and the
// earliest is chosen. One that leaves changes nothing for the sessions of others, and its own are spread over all of them.
func byRank(session signer.SessionID, a, b candidate) int {
	return cmp.Or(cmp.Compare(arrival(session, a), arrival(session, b)), cmp.Compare(a.ID, b.ID))
}

func arrival(session signer.SessionID, c candidate) float64 {
	hash := sha256.Sum256(append(slices.Concat([]byte("walletnode/placement/1:"), session[:]), c.ID...))
	const digits = 1 << 53 // of a float's fraction
	u := (float64(binary.BigEndian.Uint64(hash[:8])>>11) + 0.5) / digits
	return -math.Log(u) / float64(c.Weight)
}

func drawn(candidates []candidate, draw func(below uint64) uint64) string {
	total := uint64(0)
	for _, c := range candidates {
		total += uint64(c.Weight) //nolint:gosec // not negative
	}
	rest := draw(total)
	for _, c := range candidates {
		if rest < uint64(c.Weight) { //nolint:gosec // as above
			return c.ID
		}
		rest -= uint64(c.Weight) //nolint:gosec // as above
	}
	panic("a number was drawn that is not below its bound")
}
