package bench

import (
	"context"
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/daemon"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// placed is how many wallets there are to reconcile. To make them takes some minutes, which are not measured.
var placed = flag.Int("bench.placed", 1000, "wallets of BenchmarkReconcile")

// BenchmarkReconcile measures how long it takes at a start until it is known of 1000 wallets whether the signers really have what the
// records say: the records in SQLite, four signers behind their servers with 250 wallets each, whose keys were made by them.
func BenchmarkReconcile(b *testing.B) {
	c := newCircle(b, 1, 4)
	h := c.houses[0]
	for range *placed {
		c.generate(2, 2)
	}
	var used time.Duration
	for b.Loop() {
		began := CPUTime()
		c.reconcile(h)
		used += CPUTime() - began
	}
	b.ReportMetric(used.Seconds()*1000/float64(b.N), "cpu-ms")
}

// reconcile begins as a node does, with connections of its own, and returns when every wallet is known to be where it should be.
func (c *circle) reconcile(h *house) {
	c.b.Helper()
	var members []placement.Member
	for _, s := range h.signers {
		client, err := daemon.Dial(s.Config)
		require.NoError(c.b, err)
		defer client.Close()
		members = append(members, placement.Member{Spec: s.Spec, Backend: client})
	}
	pool, err := placement.New(placement.Config{
		Members: members, Policy: placement.Derived, Log: h.Store(), Logger: quiet,
		Term: func(chain.WalletID) (signer.Term, bool) { return signer.Term{}, true },
	})
	require.NoError(c.b, err)
	ctx, cancel := context.WithCancel(c.b.Context())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	c.await("all wallets are reconciled", func(*house) bool {
		total := 0
		for _, s := range pool.Backends() {
			require.Empty(c.b, s.Findings)
			total += s.Reported
		}
		return total == *placed && len(pool.Where()) == *placed &&
			!slices.ContainsFunc(pool.Where(), func(a placement.Assignment) bool { return pool.Unsignable(a.Wallet) != nil })
	})
	cancel()
	require.NoError(c.b, <-ended)
}
