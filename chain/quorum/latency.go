package quorum

import (
	"slices"
	"sync"
	"time"
)

// samples is how many answers an endpoint's latency is told from: with a poll every 5 s and few calls some 20 minutes,
// enough for a 95th percentile to be one and few enough to sort at every poll.
const samples = 256

// latency remembers how long an endpoint took to answer. The zero value has no answer yet. Safe for concurrent use.
type latency struct {
	mu    sync.Mutex
	took  [samples]time.Duration
	next  int
	count int
}

// add records one answer; at the bound the oldest gives way.
func (l *latency) add(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took[l.next] = took
	l.next = (l.next + 1) % samples
	l.count = min(l.count+1, samples)
}

// percentiles returns the median and the 95th percentile; zeros before the first answer.
func (l *latency) percentiles() (p50, p95 time.Duration) {
	var sorted [samples]time.Duration
	l.mu.Lock()
	n := copy(sorted[:], l.took[:l.count])
	l.mu.Unlock()
	if n == 0 {
		return 0, 0
	}
	slices.Sort(sorted[:n])
	return sorted[n/2], sorted[n*95/100]
}
