package bench_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/bench"
	"github.com/walletnode/walletnode/internal/bench/timing"
	"github.com/walletnode/walletnode/internal/bench/work"
	"github.com/walletnode/walletnode/proposal"
)

// One operation is one whole window, six seconds of a fake chain. The metrics are medians over the windows, delays are
// over all followers of all windows.
func BenchmarkFanout(b *testing.B) {
	proposals := map[string]proposal.Proposal{"Noop": nil, "Redemption": work.Redemption()}
	for _, name := range []string{"Noop", "Redemption"} {
		for _, size := range [][2]int{{5, 1}, {5, 10}, {5, 50}, {5, 100}, {5, 200}, {20, 20}} {
			b.Run(fmt.Sprintf("%s/%dx%d", name, size[0], size[1]), func(b *testing.B) {
				fanout(b, size[0], size[1], proposals[name])
			})
		}
	}
}

func fanout(b *testing.B, operators, wallets int, p proposal.Proposal) {
	b.Helper()
	swarm, err := bench.NewSwarm(b.Context(), operators, wallets, p)
	require.NoError(b, err)
	defer func() { require.NoError(b, swarm.Close()) }()
	bare := verification(b)
	var windows []bench.WindowStats
	for b.Loop() {
		st, err := swarm.Window(b.Context())
		require.NoError(b, err)
		windows = append(windows, st)
	}
	bare = min(bare, verification(b))

	var delays []time.Duration
	missed, peak := 0, int64(0)
	for _, st := range windows {
		delays = append(delays, st.Delays...)
		missed += st.Missed
		peak = max(peak, st.PeakRSS)
	}
	unavoidable := bare * time.Duration(windows[0].Followers)
	median := func(of func(bench.WindowStats) time.Duration) time.Duration {
		values := make([]time.Duration, len(windows))
		for i, st := range windows {
			values[i] = of(st)
		}
		return timing.Median(values)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(timing.Quantile(delays, 0.5)), "ms-p50")
	b.ReportMetric(ms(timing.Quantile(delays, 0.99)), "ms-p99")
	b.ReportMetric(ms(slices.Max(delays)), "ms-max")
	b.ReportMetric(ms(windows[0].Worst()), "ms-max-1st-window")
	b.ReportMetric(float64(missed), "missed")
	b.ReportMetric(median(func(st bench.WindowStats) time.Duration { return st.FirstCPU }).Seconds(), "cpu-s-first")
	cpu := median(func(st bench.WindowStats) time.Duration { return st.CPU })
	b.ReportMetric(cpu.Seconds(), "cpu-s")
	b.ReportMetric(float64(cpu)/float64(unavoidable), "x-verifications")
	b.ReportMetric(float64(bare.Microseconds()), "us-verification")
	b.ReportMetric(float64(median(func(st bench.WindowStats) time.Duration { return time.Duration(st.Bytes) }))/1000, "kB")
	b.ReportMetric(float64(peak)/1e6, "MB-peak")
	b.Logf("%v", windows[len(windows)-1].Reasons)
}

// verification is the CPU time of one bare signature verification on this machine now.
func verification(b *testing.B) time.Duration {
	b.Helper()
	wallets, err := work.Wallets(1, 5)
	require.NoError(b, err)
	s, err := work.Sign(wallets[0], work.Redemption(), []byte("00000000"))
	require.NoError(b, err)
	require.True(b, s.VerifyBare())
	return timing.Pair(5, func() { s.VerifyBare() })[0]
}
