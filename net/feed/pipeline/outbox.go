package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
)

// errLost says that the sequencer has given the outbox's queue up.
var errLost = errors.New("the outbox is lost")

// rejoin asks the sequencer to send to a new queue from an epoch on.
type rejoin struct {
	outbox int
	queue  *queue
}

// outbox keeps mailboxes: it numbers and links what comes for them, and stores it until it is acknowledged. Subscribers read from the
// log, so that a slow one delays nobody.
type outbox struct {
	feed    *Feed
	index   int
	state   State
	reports chan<- report
	rejoins chan<- rejoin

	term     Term
	open     bool
	boxes    []*box // of the epoch's subscriptions; nil for those of other outboxes
	lanes    *gate  // what was stored or, of a closed mailbox, counted
	got      []feed.Tally
	ended    []bool // receivers that are through with the epoch
	ends     int
	ahead    []delivery    // of receivers that are, for the next: at most what the links of the others hold
	made     pile          // none while nothing is taken
	came     []feed.Record // room for what a batch brings
	behindAt feed.Seq      // the first record it has not committed to
}

func (o *outbox) actor() feed.Actor { return o.feed.cfg.Signer.Actor(feed.Outbox, o.index) }

func (o *outbox) run(ctx context.Context, q *queue) error {
	if err := o.restore(ctx); err != nil {
		return err
	}
	for {
		err := o.serve(ctx, q)
		if !errors.Is(err, errLost) {
			return err
		}
		q = newQueue()
		if err := send(ctx, o.rejoins, rejoin{outbox: o.index, queue: q}); err != nil {
			return err
		}
		select {
		case <-q.joined:
		case <-ctx.Done():
			return ctx.Err()
		}
		subs, err := subscriptionsOf(ctx, o.feed.cfg.Log, q.from)
		if err != nil {
			return err
		}
		if err := o.catchUp(ctx, q, Term{Epoch: q.from, Subscriptions: subs}, 0); err != nil && !errors.Is(err, errLost) {
			return err
		}
	}
}

// store appends entries, each to its mailbox, and then lets them be seen.
func (o *outbox) store(ctx context.Context, p pile) error {
	if len(p.entries) == 0 {
		return nil
	}
	if err := o.feed.cfg.Log.Append(ctx, p.entries); err != nil {
		return fmt.Errorf("store entries: %w", err)
	}
	for i := range p.entries {
		p.owners[i].last.Store(uint64(p.entries[i].Number))
	}
	o.feed.announce()
	return nil
}

// begin reads the mailboxes of an epoch. Epochs before sealed are.
func (o *outbox) begin(ctx context.Context, t Term, sealed feed.Epoch) error {
	had := map[string]*box{}
	for _, b := range o.boxes {
		if b != nil && t.Epoch > o.term.Epoch {
			had[b.name] = b
		}
	}
	subs := t.Subscriptions
	o.boxes = make([]*box, subs.Len())
	for i := range o.boxes {
		name := subs.At(i).Mailbox
		if feed.OutboxOf(name, o.feed.cfg.Outboxes) != o.index {
			continue
		}
		if o.boxes[i] = had[name]; o.boxes[i] == nil {
			var err error
			if o.boxes[i], err = o.feed.load(ctx, name, t.Epoch); err != nil {
				return err
			}
		}
		if subs.At(i).Arriving && (o.boxes[i].moved || o.boxes[i].number == 0) {
			o.boxes[i].awaited = true
		}
		o.boxes[i].settled.Store(!o.boxes[i].awaited && !o.boxes[i].moved)
		o.boxes[i].reopen(sealed)
	}
	shards := o.feed.cfg.Shards
	o.lanes = newGate(subs.Len()*shards, func(i int) feed.Label { return byLane(subs, i%shards)(i / shards) })
	o.term, o.open, o.got, o.ended, o.ends = t, true, nil, make([]bool, shards), 0
	return nil
}

func (o *outbox) serve(ctx context.Context, q *queue) error {
	o.ahead = nil
	for {
		if q.isLost() {
			return errLost
		}
		select {
		case d := <-q.ch:
			n, err := o.takeAll(ctx, q, d)
			if err != nil {
				return err
			}
			q.moved.Add(n)
		case <-q.lost:
			return errLost
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takeAll handles a batch and what else waits: receivers send at the same time, and a transaction for each would cost more than what is
// in it.
func (o *outbox) takeAll(ctx context.Context, q *queue, d delivery) (taken uint64, err error) {
	for {
		if err := o.take(ctx, d); err != nil {
			return taken, err
		}
		taken++
		if len(o.made.entries) < storedAtOnce && taken < queueBound {
			select {
			case d = <-q.ch:
				continue
			default:
			}
		}
		return taken, o.flush(ctx)
	}
}

// flush stores the entries that were made.
func (o *outbox) flush(ctx context.Context) error {
	if err := o.store(ctx, o.made); err != nil {
		return err // somebody may still read them
	}
	o.made.empty()
	return nil
}

// take handles a batch; one of the next epoch waits for the receivers that are not there yet.
func (o *outbox) take(ctx context.Context, d delivery) error {
	if o.ended == nil {
		o.ended = make([]bool, o.feed.cfg.Shards)
	}
	if o.ended[d.shard] {
		o.ahead = append(o.ahead, d)
		return nil
	}
	if d.end == nil {
		return o.put(ctx, d)
	}
	o.ended[d.shard] = true
	o.got = join(o.got, d.end.gave)
	if o.ends++; o.ends < len(o.ended) {
		return nil
	}
	if err := o.end(ctx, d.end); err != nil {
		return err
	}
	waiting := o.ahead
	o.ahead = nil
	for _, next := range waiting {
		if err := o.take(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// put makes the entries of a batch, which flush stores.
func (o *outbox) put(ctx context.Context, d delivery) error {
	o.came = o.came[:0]
	for i := range d.copies {
		o.came = append(o.came, d.copies[i].record)
	}
	in, at := batch{records: o.came, hashes: d.hashes}, 0
	copies := o.feed.logic.keep(d.copies)
	o.made.grow(len(copies))
	for i := range copies {
		var hash feed.Hash
		c := &copies[i]
		hash, at = hashOf(&c.record, in, at)
		b := o.boxes[c.mailbox]
		if b == nil {
			return fmt.Errorf("a record for mailbox %s came to outbox %d, which does not keep it", o.term.Subscriptions.At(c.mailbox).Mailbox, o.index)
		}
		if b.awaited { // something comes for it, so it is here
			if _, err := o.feed.load(ctx, b.name, o.term.Epoch); err != nil {
				return err
			}
			b.settled.Store(!b.moved)
		}
		o.lanes.trees[c.mailbox*o.feed.cfg.Shards+d.shard].Add(hash)
		if e, ok := o.add(b, d.shard, c.record, hash); ok {
			o.made.add(e, b)
		}
	}
	return nil
}

// end commits to the epoch and begins the next.
func (o *outbox) end(ctx context.Context, e *ending) error {
	if err := o.flush(ctx); err != nil {
		return err
	}
	if o.open {
		feed.SortTallies(o.got)
		saw := feed.Commitment{Actor: o.actor(), Epoch: o.term.Epoch, In: o.got, Out: o.lanes.take()}
		for _, b := range o.boxes {
			if b == nil || b.awaited {
				continue
			}
			head, err := o.feed.headOf(ctx, b, o.term.Epoch)
			if err != nil {
				return err
			}
			saw.Heads = append(saw.Heads, head)
		}
		if err := o.feed.report(ctx, o.reports, saw, report{}); err != nil {
			return err
		}
		o.behindAt = e.until
	}
	return o.begin(ctx, e.next, e.sealed)
}

// keep is what an outbox does with copies: it keeps them.
func keep(copies []addressed) []addressed { return copies }
