package pipeline

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/walletnode/walletnode/net/feed"
)

// Records of one batch travel with their hashes, which the links compute, never the stages: a stage that changes a record cannot keep
// its hash. A batch with an end closes an epoch, and has no records.
type batch struct {
	records []feed.Record
	hashes  []feed.Hash
	end     *ending
}

// delivery is a batch of copies for the mailboxes of one outbox, from one receiver.
type delivery struct {
	shard  int
	copies []addressed
	hashes []feed.Hash
	end    *ending
}

// addressed is a record for a mailbox, by its place in the subscriptions of the record's epoch.
type addressed struct {
	mailbox int
	record  feed.Record
}

// ending tells what an epoch was and what the next one is.
type ending struct {
	term   Term
	next   Term
	until  feed.Seq     // the first record of the next epoch
	sealed feed.Epoch   // epochs before it are sealed
	queues []*queue     // of the next epoch, one per outbox; nil for one that is lost
	gave   []feed.Tally // what the link saw since the last one: what the stage after it got
}

// rehash returns the hashes of what a stage let out. What is equal to what came in has the hash that it had; out is searched for in
// the order of in. The stage must have had a copy of in, not in itself.
func rehash(out []feed.Record, in batch) []feed.Hash {
	hashes, at := make([]feed.Hash, len(out)), 0
	for i := range out {
		hashes[i], at = hashOf(&out[i], in, at)
	}
	return hashes
}

// hashOf looks for a record from a place of a batch on, and returns its hash and where it was.
func hashOf(rec *feed.Record, in batch, at int) (feed.Hash, int) {
	for j := at; j < len(in.records); j++ {
		if in.records[j].Seq == rec.Seq {
			if in.records[j] == *rec {
				return in.hashes[j], j
			}
			break
		}
	}
	return rec.Hash(), at
}

// gate counts what passes a link, each stream apart. It belongs to the goroutine that sends.
type gate struct {
	label func(i int) feed.Label
	trees []feed.Tree
}

func newGate(streams int, label func(i int) feed.Label) *gate {
	return &gate{label: label, trees: make([]feed.Tree, streams)}
}

// take returns what passed since the last time, in the order of a commitment.
func (g *gate) take() []feed.Tally {
	var list []feed.Tally
	for i := range g.trees {
		if t := &g.trees[i]; t.Count() > 0 {
			list = append(list, feed.Tally{Label: g.label(i), Count: t.Count(), Root: t.Root()})
			t.Reset()
		}
	}
	feed.SortTallies(list)
	return list
}

// sides counts what a stage must carry through, at both of its sides. As long as they see the same in the same order they are counted
// once.
type sides struct {
	in, out *gate
	forked  []bool // streams of which the sides have differed since the last taking
}

func newSides(streams int, label func(i int) feed.Label) *sides {
	return &sides{in: newGate(streams, label), out: newGate(streams, label), forked: make([]bool, streams)}
}

// grow adds a stream.
func (s *sides) grow() {
	s.in.trees, s.out.trees, s.forked = append(s.in.trees, feed.Tree{}), append(s.out.trees, feed.Tree{}), append(s.forked, false)
}

// add counts what one batch brought to one stream.
func (s *sides) add(stream int, in, out []feed.Hash) {
	if !s.forked[stream] && !slices.Equal(in, out) {
		s.forked[stream], s.out.trees[stream] = true, s.in.trees[stream].Clone()
	}
	for _, h := range in {
		s.in.trees[stream].Add(h)
	}
	if s.forked[stream] {
		for _, h := range out {
			s.out.trees[stream].Add(h)
		}
	}
}

func (s *sides) take() (in, out []feed.Tally) {
	for i, forked := range s.forked {
		if !forked {
			s.out.trees[i] = s.in.trees[i].Clone()
		}
		s.forked[i] = false
	}
	return s.in.take(), s.out.take()
}

func byShard(i int) feed.Label { return feed.Label{Way: feed.ByShard, Shard: uint16(i)} }

func byLane(subs *feed.Subscriptions, shard int) func(int) feed.Label {
	return func(i int) feed.Label {
		return feed.Label{Way: feed.ByLane, Name: subs.At(i).Mailbox, Shard: uint16(shard)}
	}
}

func join(a, b []feed.Tally) []feed.Tally {
	return append(append(make([]feed.Tally, 0, len(a)+len(b)), a...), b...)
}

// queueBound is how many batches wait for an outbox. At it the receivers wait; for one that does not move at all no longer than the
// sequencer's patience.
const queueBound = 64

// queue is the way into one outbox, from all receivers. One that the sequencer gives up is lost: nobody sends to it any more, and
// the outbox joins again with a new one.
type queue struct {
	ch     chan delivery
	moved  atomic.Uint64 // grows with everything that the outbox does
	lost   chan struct{}
	once   sync.Once
	joined chan struct{} // closed by the inbox when from is set: all records of earlier epochs are in the log
	from   feed.Epoch
}

func newQueue() *queue {
	return &queue{ch: make(chan delivery, queueBound), lost: make(chan struct{}), joined: make(chan struct{})}
}

// join says from which epoch on the queue gets everything; only the first call counts, and only the inbox calls.
func (q *queue) join(from feed.Epoch) {
	select {
	case <-q.joined:
	default:
		q.from = from
		close(q.joined)
	}
}

func (q *queue) lose() { q.once.Do(func() { close(q.lost) }) }

func (q *queue) isLost() bool {
	select {
	case <-q.lost:
		return true
	default:
		return false
	}
}
