package timing_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/bench/timing"
)

func TestQuantilesAreValuesThatWereMeasured(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3, 10, 9, 8, 7, 6}
	for q, want := range map[float64]time.Duration{0: 1, 0.1: 1, 0.11: 2, 0.5: 5, 0.99: 10, 1: 10} {
		require.Equal(t, want, timing.Quantile(values, q), "%v", q)
	}
	require.Equal(t, time.Duration(2), timing.Median([]time.Duration{3, 2, 1}))
	require.Zero(t, timing.Median(nil))
}

func TestBothSidesOfAComparisonRunEquallyOften(t *testing.T) {
	a, b := 0, 0
	p := timing.Pair(3, func() { a++ }, func() { b++ })
	require.Len(t, p, 2)
	require.Equal(t, a, b)
	require.Positive(t, a)
}

func TestEveryRunCounts(t *testing.T) {
	var r timing.Rounds
	require.Empty(t, r.Medians())
	slow := func() { time.Sleep(time.Millisecond) }
	synctest.Test(t, func(t *testing.T) {
		r.Run(1, func() {})
		for range 2 {
			r.Run(1, slow)
		}
		require.Equal(t, timing.Paired{time.Millisecond}, r.Medians(), "two of three runs were slow")
		for range 2 {
			r.Run(1, func() {})
		}
		require.Equal(t, timing.Paired{0}, r.Medians(), "not the first nor the last run decides")
		r.Run(1, slow)
		r.Run(1, slow)
		require.Equal(t, timing.Paired{time.Millisecond}, r.Medians())
	})
}
