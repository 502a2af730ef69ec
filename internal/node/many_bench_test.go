package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/internal/store/pgtest"
)

// fleets is how many operators a benchmark has at a time, each with instances on a database of its own: what is waited for
// is time, not the processor.
const fleets = 5

// measured runs a benchmark's rounds on many fleets at once and reports what the rounds took: the median, the slowest of a
// hundred, and the slowest.
func measured(b *testing.B, begin func(*fleet) (round func() time.Duration)) {
	b.Helper()
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	left := make(chan struct{}, b.N)
	for range b.N {
		left <- struct{}{}
	}
	close(left)
	for range min(fleets, b.N) {
		f := newFleet(b, pgtest.Database(b), 4)
		f.pass(801)
		round := begin(f)
		all.Go(func() {
			for range left {
				d := round()
				mu.Lock()
				took = append(took, d)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds(), "s-p50")
	b.ReportMetric(took[len(took)*99/100].Seconds(), "s-p99")
	b.ReportMetric(took[len(took)-1].Seconds(), "s-max")
	b.ReportMetric(0, "ns/op")
}

// until returns when a condition holds.
func until(b *testing.B, what string, condition func() bool) {
	ctx, cancel := context.WithTimeout(b.Context(), patient)
	defer cancel()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !condition() {
		select {
		case <-look.C:
		case <-ctx.Done():
			b.Error("waited in vain: " + what)
			return
		}
	}
}

// pair is two instances of which one has all the wallets.
type pair struct {
	b           *testing.B
	f           *fleet
	owner, heir *craft
}

func newPair(b *testing.B, f *fleet) *pair {
	p := &pair{b: b, f: f, owner: f.start("a")}
	f.awaitAll(p.owner)
	p.heir = f.start("b")
	until(b, "both are seen", func() bool {
		return len(p.owner.sharing.Instances().Instances) == 2 && len(p.heir.sharing.Instances().Instances) == 2
	})
	return p
}

// inherited waits until the heir has everything, and makes it the owner.
func (p *pair) inherited(since time.Time) time.Duration {
	until(p.b, "the wallets are served", func() bool { return len(p.heir.serves(p.f)) == len(p.f.wallets) })
	took := time.Since(since)
	p.owner, p.heir = p.heir, p.owner
	return took
}

// BenchmarkTakeOver is how long the wallets of an instance that died are served by nobody, at the default lease of 10 s. It
// dies at any moment between two renewals.
func BenchmarkTakeOver(b *testing.B) {
	measured(b, func(f *fleet) func() time.Duration {
		p := newPair(b, f)
		return func() time.Duration {
			name, dir := string(p.owner.sharing.siblings.cfg.Instance), p.owner.dir
			<-time.After(rand.N(cluster.DefaultTiming().Renewal)) //nolint:gosec // nothing secret
			died := time.Now()
			p.owner.crash()
			took := p.inherited(died)
			p.heir = f.startIn(name, dir)
			until(b, "both are seen", func() bool {
				return len(p.heir.sharing.Instances().Instances) == 2 && len(p.owner.sharing.Instances().Instances) == 2
			})
			until(b, "the wallets stay", func() bool { return len(p.owner.serves(f)) == len(f.wallets) })
			return took
		}
	})
}

// BenchmarkHandOver is how long it takes from the wish that an instance drains, told to another one, until that one serves all
// its wallets.
func BenchmarkHandOver(b *testing.B) {
	measured(b, func(f *fleet) func() time.Duration {
		p := newPair(b, f)
		return func() time.Duration {
			name := string(p.owner.sharing.siblings.cfg.Instance)
			asked := time.Now()
			_, err := p.heir.sharing.Wish(b.Context(), name, shared.Drain)
			require.NoError(b, err)
			took := p.inherited(asked)
			_, err = p.owner.sharing.Wish(b.Context(), name, shared.None)
			require.NoError(b, err)
			until(b, "it is at work again", func() bool { return p.heir.sharing.siblings.desire() == shared.None })
			return took
		}
	})
}

// BenchmarkBan is how long it takes from a ban on one instance until it is in force on all three.
func BenchmarkBan(b *testing.B) {
	measured(b, func(f *fleet) func() time.Duration {
		all := []*craft{f.start("a"), f.start("b"), f.start("c")}
		for _, c := range all {
			until(b, "all are seen", func() bool { return len(c.sharing.Instances().Instances) == len(all) })
		}
		n := 0
		return func() time.Duration {
			n++
			culprit := chain.Operator{1, byte(n), byte(n >> 8)}
			<-time.After(rand.N(shared.Pause)) //nolint:gosec // nothing secret
			said := time.Now()
			_, err := all[n%len(all)].sharing.AddBan(b.Context(), shared.Ban{Operator: culprit, Reason: fmt.Sprint("number ", n), By: "operator"}, time.Hour)
			require.NoError(b, err)
			for _, c := range all {
				until(b, "it is in force", func() bool { return c.member.Banned(culprit) && c.sharing.lists.bans.banned(culprit) })
			}
			return time.Since(said)
		}
	})
}
