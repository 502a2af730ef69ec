package pipeline

import (
	"context"

	"github.com/walletnode/walletnode/net/feed"
)

// receiver makes of each record of its shard a copy per mailbox, in the order of the shard.
type receiver struct {
	feed    *Feed
	index   int
	in      <-chan batch
	queues  []*queue // of the epoch; nil or lost: that outbox gets nothing until it has joined again
	reports chan<- report

	subs   *feed.Subscriptions
	owners []int         // of each mailbox: its outbox
	lanes  *sides        // what must go out by the subscriptions, and what goes out
	wanted [][]feed.Hash // the same, of the batch in hand
	given  [][]feed.Hash
	came   []feed.Record // room for what a batch brings
}

func (r *receiver) run(ctx context.Context, s State) error {
	if len(s.Terms) > 0 {
		r.begin(s.Terms[0])
	}
	for {
		select {
		case b := <-r.in:
			var err error
			if b.end != nil {
				err = r.end(ctx, b.end)
			} else {
				err = r.pass(ctx, b)
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *receiver) begin(t Term) {
	r.subs = t.Subscriptions
	r.owners = make([]int, r.subs.Len())
	for i := range r.owners {
		r.owners[i] = feed.OutboxOf(r.subs.At(i).Mailbox, r.feed.cfg.Outboxes)
	}
	r.lanes = newSides(r.subs.Len(), byLane(r.subs, r.index))
	r.wanted, r.given = make([][]feed.Hash, r.subs.Len()), make([][]feed.Hash, r.subs.Len())
}

func (r *receiver) pass(ctx context.Context, b batch) error {
	for i := range b.records {
		for _, m := range r.subs.For(b.records[i].Item).Mailboxes {
			r.wanted[m] = append(r.wanted[m], b.hashes[i])
		}
	}
	parts, room := make([]delivery, len(r.queues)), make([]int, len(r.queues))
	r.came = append(r.came[:0], b.records...)
	copies, at := r.feed.logic.fan(r.came, r.subs), 0
	for i := range copies {
		room[r.owners[copies[i].mailbox]]++
	}
	for i := range copies {
		var h feed.Hash
		c := &copies[i]
		h, at = hashOf(&c.record, b, at)
		r.given[c.mailbox] = append(r.given[c.mailbox], h)
		j := r.owners[c.mailbox]
		part := &parts[j]
		if part.copies == nil {
			part.copies, part.hashes = make([]addressed, 0, room[j]), make([]feed.Hash, 0, room[j])
		}
		part.copies, part.hashes = append(part.copies, *c), append(part.hashes, h)
	}
	for m := range r.wanted {
		r.lanes.add(m, r.wanted[m], r.given[m])
		r.wanted[m], r.given[m] = r.wanted[m][:0], r.given[m][:0]
	}
	for j, part := range parts {
		if part.shard = r.index; len(part.copies) > 0 {
			if err := r.send(ctx, j, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// send waits for a slow outbox and not for a lost one, which will read what it missed in the log.
func (r *receiver) send(ctx context.Context, outbox int, d delivery) error {
	q := r.queues[outbox]
	if q == nil || q.isLost() { // and once it is lost it gets nothing more: not an end without what was before it
		return nil
	}
	select {
	case q.ch <- d:
		return nil
	case <-q.lost:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *receiver) end(ctx context.Context, e *ending) error {
	if e.term.Subscriptions != nil {
		wanted, given := r.lanes.take()
		saw := feed.Commitment{
			Actor: r.feed.cfg.Signer.Actor(feed.Receiver, r.index), Epoch: e.term.Epoch,
			In: join(e.gave, wanted), Out: given,
		}
		for j := range r.queues {
			own := *e
			own.gave = nil
			for _, t := range saw.Out {
				if feed.OutboxOf(t.Label.Name, len(r.queues)) == j {
					own.gave = append(own.gave, t)
				}
			}
			if err := r.send(ctx, j, delivery{shard: r.index, end: &own}); err != nil {
				return err
			}
		}
		if err := r.feed.report(ctx, r.reports, saw, report{}); err != nil {
			return err
		}
	} else { // the first epoch of all: the outboxes wait for it
		for j := range r.queues {
			if err := r.send(ctx, j, delivery{shard: r.index, end: e}); err != nil {
				return err
			}
		}
	}
	r.queues = e.queues
	r.begin(e.next)
	return nil
}

// fan makes a copy for each recipient.
func fan(records []feed.Record, subs *feed.Subscriptions) []addressed {
	n := 0
	for i := range records {
		n += len(subs.For(records[i].Item).Mailboxes)
	}
	copies := make([]addressed, 0, n)
	for _, rec := range records {
		for _, m := range subs.For(rec.Item).Mailboxes {
			copies = append(copies, addressed{mailbox: m, record: rec})
		}
	}
	return copies
}
