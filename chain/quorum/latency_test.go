package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLatencyKeepsTheNewestForItsPercentilesAndCountsAll(t *testing.T) {
	var l latency
	p50, p95 := l.percentiles()
	require.Zero(t, p50)
	require.Zero(t, p95)
	require.Zero(t, l.answers())

	for range samples {
		l.add(3 * time.Second) // longer than every bound
	}
	for i := range samples {
		l.add(time.Duration(i) * time.Millisecond)
	}
	p50, p95 = l.percentiles()
	require.Equal(t, 128*time.Millisecond, p50, "the first ones are forgotten")
	require.Equal(t, 243*time.Millisecond, p95)

	all := l.answers()
	require.EqualValues(t, 2*samples, all.Count)
	require.Equal(t, samples*3*time.Second+samples*(samples-1)/2*time.Millisecond, all.Sum)
	require.Equal(t, [...]uint64{6, 11, 26, 51, 101, 251, 256, 256, 256}, all.Within, "a bound is part of what it bounds")
}
