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
	var r Rounds
	r.Run(batch, functions...)
	return r.Medians()
}

// Rounds collects what several runs of one comparison took, so that all of them count. The zero value holds none.
type Rounds struct{ took [][]time.Duration }

// Run adds a run: 201 rounds of the functions in order, each batch times. All runs must have the same functions.
func (r *Rounds) Run(batch int, functions ...func()) {
	if r.took == nil {
		r.took = make([][]time.Duration, len(functions))
	}
	for range rounds {
		for i, f := range functions {
			began := time.Now()
			for range batch {
				f()
			}
			r.took[i] = append(r.took[i], time.Since(began)/time.Duration(batch))
		}
	}
}

// Medians returns the median of each function over all rounds of all runs.
func (r *Rounds) Medians() Paired {
	medians := make(Paired, len(r.took))
	for i := range r.took {
		medians[i] = Median(r.took[i])
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
