// Package timing times things beside one another. The machine may be shared and noisy, so what is compared runs
// interleaved within one run, and medians are reported.
package timing

import (
	"slices"
	"time"
)

// rounds is how often each side of a comparison is timed. Both sides of one round run back to back, so that whatever
// else the machine does hits both alike.
const rounds = 201

// Paired is the outcome of timing things beside one another: the median time of one call of each, in order.
type Paired []time.Duration

// Pair times functions beside one another, each batch times per round.
func Pair(batch int, functions ...func()) Paired {
	took := make([][]time.Duration, len(functions))
	for range rounds {
		for i, f := range functions {
			began := time.Now()
			for range batch {
				f()
			}
			took[i] = append(took[i], time.Since(began)/time.Duration(batch))
		}
	}
	medians := make(Paired, len(functions))
	for i := range took {
		medians[i] = Median(took[i])
	}
	return medians
}

// Ratio is how much longer the a-th function took than the b-th.
func (p Paired) Ratio(a, b int) float64 { return float64(p[a]) / float64(p[b]) }

// Median returns the middle value; of an even number the lower of the two. 0 of none.
func Median(values []time.Duration) time.Duration { return Quantile(values, 0.5) }

// Quantile returns the smallest value that is not below a share q (0 .. 1) of them; 0 of none.
func Quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, max(0, int(q*float64(len(sorted))+0.9999999)-1))]
}
