package pipeline

import "slices"

// roll is the outboxes as the sequencer sees them: which are sent to, and since when each of them does nothing.
type roll struct {
	queues []*queue // nil of one that is lost
	moved  []uint64 // of each queue when the sequencer had seen since heights
	since  []uint64
}

func newRoll(queues []*queue) roll {
	return roll{queues: slices.Clone(queues), moved: make([]uint64, len(queues)), since: make([]uint64, len(queues))}
}

// rejoin has an outbox sent to again.
func (r *roll) rejoin(j rejoin) {
	r.queues[j.outbox], r.moved[j.outbox], r.since[j.outbox] = j.queue, 0, 0
}

// present returns the queues that can be sent to now; nil for one that is lost.
func (r *roll) present() []*queue {
	queues := slices.Clone(r.queues)
	for j, q := range queues {
		if q != nil && q.isLost() {
			queues[j] = nil
		}
	}
	return queues
}

// stalled returns outboxes that have something to do and did nothing for as long as the patience lasts: the receivers wait for them.
func (r *roll) stalled(seen, patience uint64) (list []int) {
	for j, q := range r.queues {
		if q == nil {
			continue
		}
		if moved := q.moved.Load(); moved != r.moved[j] || len(q.ch) == 0 || r.since[j] == 0 {
			r.moved[j], r.since[j] = moved, seen
			continue
		}
		if seen-r.since[j] >= patience {
			list = append(list, j)
		}
	}
	return list
}

// lose stops sending to an outbox; false if it was not sent to.
func (r *roll) lose(outbox int) bool {
	q := r.queues[outbox]
	if q == nil {
		return false
	}
	q.lose()
	r.queues[outbox] = nil
	return true
}
