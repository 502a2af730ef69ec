package bench_test

import (
	"fmt"
	"log/slog"
	"runtime/metrics"
	"testing"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/bench"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/internal/node"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/net"
)

// What a number of joined wallets holds, beside what pubsub alone holds for their topics. 0 wallets is the bare host.
func BenchmarkJoined(b *testing.B) {
	for _, n := range []int{0, 10, 100, 500} {
		wallets, err := work.Wallets(n, 20)
		require.NoError(b, err)
		for _, who := range []struct {
			name string
			join func(*testing.B, []chain.Wallet) bench.Footprint
		}{{"pubsub", joinPubsub}, {"node", joinNode}} {
			b.Run(fmt.Sprintf("%s/%d", who.name, n), func(b *testing.B) {
				var f bench.Footprint
				for b.Loop() {
					f = who.join(b, wallets)
				}
				b.ReportMetric(float64(f.Goroutines), "goroutines")
				b.ReportMetric(float64(f.Heap)/1000, "kB-heap")
				b.ReportMetric(float64(f.Stacks)/1000, "kB-stacks")
				b.ReportMetric(float64(f.Resident)/1000, "kB-rss")
			})
		}
	}
}

// joinNode returns what a host of ours holds beyond what the process held before.
func joinNode(b *testing.B, wallets []chain.Wallet) bench.Footprint {
	b.Helper()
	before := bench.Measure()
	instance, err := work.Instance(0)
	require.NoError(b, err)
	s := coordination.RFC12()
	h, err := net.New(net.Config{
		Instance: instance, Operator: work.OperatorKey(0),
		Schedule: net.Schedule{Frequency: s.Frequency, Duration: s.Active + s.Passive},
	}, net.Deps{Height: func() chain.Height { return 900 }, Inspect: node.Inspect, Log: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	for _, w := range wallets {
		_, err := h.Join(w)
		require.NoError(b, err)
	}
	held := bench.Measure().Since(before)
	require.NoError(b, h.Close())
	return held
}

// joinPubsub returns what GossipSub on a libp2p host holds that relays the same topics.
func joinPubsub(b *testing.B, wallets []chain.Wallet) bench.Footprint {
	b.Helper()
	before := bench.Measure()
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics())
	require.NoError(b, err)
	ps, err := pubsub.NewGossipSub(b.Context(), h)
	require.NoError(b, err)
	for _, w := range wallets {
		topic, err := ps.Join(wire.ChannelName(w.Key()))
		require.NoError(b, err)
		_, err = topic.Relay()
		require.NoError(b, err)
	}
	held := bench.Measure().Since(before)
	require.NoError(b, h.Close())
	return held
}

// The names under which the runtime tells these must exist, or a footprint would be zero and nobody would notice.
func TestTheRuntimeTellsWhatAFootprintIs(t *testing.T) {
	known := make(map[string]bool)
	for _, d := range metrics.All() {
		known[d.Name] = true
	}
	for _, name := range bench.FootprintMetrics {
		require.True(t, known[name], name)
	}
	f := bench.Measure()
	require.NotZero(t, f.Goroutines)
	require.NotZero(t, f.Heap)
	require.NotZero(t, f.Stacks)
}
