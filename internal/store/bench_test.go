package store

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
)

// BenchmarkWindowOf1000Wallets is the end of a window: 1000 wallets record a result with a fault and an action at once. One
// operation is one window.
func BenchmarkWindowOf1000Wallets(b *testing.B) {
	for _, perCommit := range []int{1, maxBatch} {
		b.Run(fmt.Sprintf("commit=%d", perCommit), func(b *testing.B) {
			s := openAt(b, b.TempDir(), Retention{})
			s.writes.max = perCommit
			n := uint64(0)
			for b.Loop() {
				n++
				recordAll(b, s, n)
			}
		})
	}
}

func recordAll(b *testing.B, s *Store, n uint64) {
	b.Helper()
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			wallet := chain.WalletID{byte(i), byte(i >> 8)}
			r := agreed(wallet, n)
			r.Faults = []faults.Fault{fault(wallet, n, faults.LeaderImpersonation, mallory)}
			if won, err := s.RecordResult(b.Context(), r); err != nil || !won {
				b.Error(won, err)
			}
		})
	}
	wg.Wait()
}

// BenchmarkIntegrityAtStart is what examining a store of 200 windows of 1000 wallets costs the start of a node.
func BenchmarkIntegrityAtStart(b *testing.B) {
	s := openAt(b, b.TempDir(), Retention{})
	for n := uint64(1); n <= 200; n++ {
		recordAll(b, s, n)
	}
	for b.Loop() {
		require.NoError(b, checkIntegrity(b.Context(), s.db))
	}
}
