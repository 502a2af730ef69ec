package quorum

import (
	"slices"
	"sync"
	"time"
)

// samples is how many answers an endpoint's latency is told from: with a poll every 5 s and few calls some 20 minutes,
// enough for a 95th percentile to be one and few enough to sort at every poll.
const samples = 256

// AnswerBounds are the times by which an endpoint's answers are counted for good: from a node of one's own to the deadline
// of a call.
var AnswerBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
}

// Answers is how long an endpoint's answers took since the start.
type Answers struct {
	Count  uint64
	Sum    time.Duration
	Within [len(AnswerBounds)]uint64 // of the count, those that took AnswerBounds[i] or less
}

func (a *Answers) add(took time.Duration) {
	a.Count++
	a.Sum += took
	for i, bound := range AnswerBounds {
		if took <= bound {
			a.Within[i]++
		}
	}
}

// latency remembers how long an endpoint took to answer. The zero value has no answer yet. Safe for concurrent use.
type latency struct {
	mu    sync.Mutex
	all   Answers
	took  [samples]time.Duration
	next  int
	count int
}

// add records one answer; at the bound the oldest gives way.
func (l *latency) add(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.add(took)
	l.took[l.next] = took
	l.next = (l.next + 1) % samples
	l.count = min(l.count+1, samples)
}

func (l *latency) answers() Answers {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all
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
