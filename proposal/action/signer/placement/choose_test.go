package placement

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// policies are all of them.
func policies() []Policy { return []Policy{Derived, LeastLoaded, Random} }

// wallets is how many new wallets each test places.
const wallets = 10_000

func session(i int) signer.SessionID {
	var id signer.SessionID
	binary.BigEndian.PutUint64(id[:], uint64(i)) //nolint:gosec // small
	return id
}

// place places new wallets, and adds each to its backend's keys.
func place(policy Policy, candidates []candidate) (of []string, counts map[string]int) {
	candidates = slices.Clone(candidates)
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test that can be repeated
	of, counts = make([]string, wallets), map[string]int{}
	for i := range of {
		id, ok := choose(policy, session(i), candidates, rng.Uint64N)
		if !ok {
			continue
		}
		of[i] = id
		counts[id]++
		candidates[slices.IndexFunc(candidates, func(c candidate) bool { return c.ID == id })].Keys++
	}
	return of, counts
}

func fleet(weights ...int) []candidate {
	var all []candidate
	for i, w := range weights {
		all = append(all, candidate{ID: fmt.Sprintf("enclave-%d", i), Weight: w})
	}
	return all
}

// requireSpread demands counts within three standard deviations of what the weights say.
func requireSpread(t *testing.T, candidates []candidate, counts map[string]int, n int) {
	t.Helper()
	total := 0
	for _, c := range candidates {
		total += c.Weight
	}
	for _, c := range candidates {
		p := float64(c.Weight) / float64(total)
		sigma := math.Sqrt(float64(n) * p * (1 - p))
		require.InDelta(t, float64(n)*p, counts[c.ID], 3*sigma, "%s of weight %d", c.ID, c.Weight)
	}
}

func TestNewWalletsAreSpreadByWeight(t *testing.T) {
	for _, policy := range policies() {
		t.Run(string(policy), func(t *testing.T) {
			candidates := fleet(1, 2, 3, 4, 10)
			_, counts := place(policy, candidates)
			requireSpread(t, candidates, counts, wallets)
		})
	}
}

func TestTheOrderOfTheConfigurationMeansNothing(t *testing.T) {
	candidates := fleet(1, 5, 2, 7)
	for _, policy := range []Policy{Derived, LeastLoaded} {
		was, _ := place(policy, candidates)
		slices.Reverse(candidates)
		is, _ := place(policy, candidates)
		require.Equal(t, was, is, policy)
	}
}

func TestABackendThatLeavesIsReplacedByAllOthers(t *testing.T) {
	all := fleet(1, 1, 1, 1, 1)
	before, had := place(Derived, all)
	after, _ := place(Derived, all[:4])
	gained := map[string]int{}
	for i := range before {
		if before[i] == "enclave-4" {
			gained[after[i]]++
			continue
		}
		require.Equal(t, before[i], after[i], "the session of another backend has moved")
	}
	requireSpread(t, all[:4], gained, had["enclave-4"])
}

func TestABackendThatComesTakesItsPartAlone(t *testing.T) {
	before, _ := place(Derived, fleet(2, 1, 3))
	after, counts := place(Derived, fleet(2, 1, 3, 4))
	for i := range before {
		if after[i] != before[i] {
			require.Equal(t, "enclave-3", after[i])
		}
	}
	requireSpread(t, fleet(2, 1, 3, 4), counts, wallets)
}

func TestTheLeastLoadedIsChosenForItsWeight(t *testing.T) {
	candidates := []candidate{{"a", 1, 10}, {"b", 3, 29}, {"c", 1, 11}} // 10, 9.67 and 11 for each unit of weight
	id, ok := choose(LeastLoaded, session(1), candidates, nil)
	require.True(t, ok)
	require.Equal(t, "b", id)
}

func TestNobodyIsChosenWhereNobodyCan(t *testing.T) {
	for _, policy := range policies() {
		_, ok := choose(policy, session(1), nil, nil)
		require.False(t, ok)
	}
}
