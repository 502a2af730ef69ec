package store

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store/pgtest"
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

// BenchmarkSharedWindowOf1000Wallets is the same in a local PostgreSQL that waits for its disk.
func BenchmarkSharedWindowOf1000Wallets(b *testing.B) {
	s := openAt(b, pgtest.Durable(b), Retention{})
	n := uint64(0)
	for b.Loop() {
		n++
		recordAll(b, s, n)
	}
}

// BenchmarkSharedWrite is one write into a local PostgreSQL that waits for its disk, by one client and while seven others write:
// the row of the claim, an own proposal, and the commit.
func BenchmarkSharedWrite(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := openAt(b, pgtest.Durable(b), Retention{})
			var n atomic.Uint64
			b.SetParallelism(max(1, clients/runtime.GOMAXPROCS(0)))
			if clients == 1 {
				for b.Loop() {
					saveOwn(b, s, n.Add(1))
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					saveOwn(b, s, n.Add(1))
				}
			})
			b.ReportMetric(float64(b.Elapsed().Milliseconds())*float64(clients)/float64(b.N), "ms/write")
		})
	}
}

func saveOwn(b *testing.B, s *Store, n uint64) {
	b.Helper()
	own := coordination.OwnProposal{Payload: []byte{1}, Envelope: []byte{2}, SentAt: 900}
	if _, err := s.SaveOwn(b.Context(), walletA, window(n).Block, own); err != nil {
		b.Error(err)
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
