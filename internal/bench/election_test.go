package bench_test

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/internal/bench/timing"
	"github.com/walletnode/walletnode/internal/bench/work"
)

// Seed, leader and checklist of one window, beside the two seedings that the protocol's text demands.
func BenchmarkElection(b *testing.B) {
	for _, operators := range []int{10, 30, 100} {
		wallets, err := work.Wallets(1, operators)
		require.NoError(b, err)
		wallet, safe := wallets[0], work.Header(868).Hash
		roster, electorate := wallet.Roster(), executor.NewElectorate(wallet.Roster())
		number := func() int64 {
			seed := executor.Seed(wallet.ID(), safe)
			return int64(binary.BigEndian.Uint64(seed[:8]))
		}
		b.Run(fmt.Sprintf("operators=%d", operators), func(b *testing.B) {
			var r timing.Rounds
			for b.Loop() {
				r.Run(20,
					func() {
						_, _ = rand.New(rand.NewSource(number())), rand.New(rand.NewSource(number()))
					},
					func() { electorate.Elect(executor.Seed(wallet.ID(), safe), 1) },
					func() {
						seed := executor.Seed(wallet.ID(), safe)
						executor.Leader(seed, roster)
						executor.Checklist(seed, 1)
					})
			}
			p := r.Medians()
			b.ReportMetric(p.Ratio(1, 0), "x-seedings")
			b.ReportMetric(p.Ratio(2, 0), "x-seedings-unkept")
			b.ReportMetric(float64(p[1].Nanoseconds()), "ns/election")
		})
	}
}
