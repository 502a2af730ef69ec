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
	ahead    []delivery   // of receivers that are, for the next: at most what the links of the others hold
	entries  []feed.Entry // made and not stored yet; none while nothing is taken
	owners   []*box       // of the entries
	flushed  int          // how many were stored at once last: as many are likely to come again
	behindAt feed.Seq     // the first record it has not committed to
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
		subs, err := o.feed.cfg.Log.Subscriptions(ctx, q.from)
		if err != nil {
			return fmt.Errorf("read subscriptions: %w", err)
		}
		if err := o.catchUp(ctx, q, Term{Epoch: q.from, Subscriptions: subs}, 0); err != nil && !errors.Is(err, errLost) {
			return err
		}
	}
}

// restore stores what the outbox missed before the node was restarted, and begins with the first epoch that is not sealed.
func (o *outbox) restore(ctx context.Context) error {
	if len(o.state.Terms) == 0 { // all there is is sealed, or lost
		o.behindAt = o.state.First
		return nil
	}
	var err error
	if o.behindAt, err = owed(ctx, o.feed.cfg.Log, o.state, o.actor()); err != nil {
		return err
	}
	return o.catchUp(ctx, nil, o.state.Terms[0], o.state.Terms[0].Epoch)
}

// sealBefore returns the seal of the epoch before one; nil if it is not kept any more.
func sealBefore(ctx context.Context, log Log, e feed.Epoch) (*feed.Seal, error) {
	if e < 2 {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	s, err := log.NextSeal(ctx, e-2)
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if s == nil || s.Epoch >= e {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	return s, nil
}

// catchUp stores what the log has for this outbox's mailboxes of epochs before a term, less what they hold, and begins with the term. Epochs before
// sealed are.
func (o *outbox) catchUp(ctx context.Context, q *queue, until Term, sealed feed.Epoch) error {
	o.boxes = nil // what they hold is read anew
	var known map[feed.Epoch]*feed.Subscriptions
	loaded := map[string]*box{}
	for o.behindAt != 0 {
		page, err := o.feed.cfg.Log.Records(ctx, o.behindAt, pageSize)
		if err != nil {
			return fmt.Errorf("read missed records: %w", err)
		}
		if len(page) == 0 || page[0].Epoch >= until.Epoch {
			break
		}
		var entries []feed.Entry
		var owners []*box
		for _, rec := range page {
			if rec.Epoch >= until.Epoch {
				break
			}
			subs := known[rec.Epoch]
			if subs == nil {
				if subs, err = o.feed.cfg.Log.Subscriptions(ctx, rec.Epoch); err != nil {
					return fmt.Errorf("read subscriptions: %w", err)
				}
				known = map[feed.Epoch]*feed.Subscriptions{rec.Epoch: subs} // epochs only ascend
			}
			for _, m := range subs.For(rec.Item).Mailboxes {
				name := subs.At(m).Mailbox
				if feed.OutboxOf(name, o.feed.cfg.Outboxes) != o.index {
					continue
				}
				if loaded[name] == nil {
					if loaded[name], err = o.feed.load(ctx, name, page[0].Epoch); err != nil {
						return err
					}
				}
				if e, ok := o.add(loaded[name], shardOf(rec.Item.Wallet, o.feed.cfg.Shards), rec, rec.Hash()); ok {
					entries, owners = append(entries, e), append(owners, loaded[name])
				}
			}
			o.behindAt = rec.Seq + 1
		}
		if err := o.store(ctx, entries, owners); err != nil {
			return err
		}
		if q != nil {
			q.moved.Add(1)
			if q.isLost() {
				return errLost
			}
		}
	}
	return o.begin(ctx, until, sealed)
}

// store appends entries, each to its mailbox, and then lets them be seen.
func (o *outbox) store(ctx context.Context, entries []feed.Entry, owners []*box) error {
	if len(entries) == 0 {
		return nil
	}
	if err := o.feed.cfg.Log.Append(ctx, entries); err != nil {
		return fmt.Errorf("store entries: %w", err)
	}
	for i := range entries {
		owners[i].last.Store(uint64(entries[i].Number))
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

// storedAtOnce is how many entries are enough for a transaction: more of them make it no cheaper for each.
const storedAtOnce = 1024

// takeAll handles a batch and what else waits: receivers send at the same time, and a transaction for each would cost more than what is
// in it.
func (o *outbox) takeAll(ctx context.Context, q *queue, d delivery) (taken uint64, err error) {
	for {
		if err := o.take(ctx, d); err != nil {
			return taken, err
		}
		taken++
		if len(o.entries) < storedAtOnce && taken < queueBound {
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
	entries, owners := o.entries, o.owners
	o.entries, o.owners, o.flushed = nil, nil, len(entries)
	return o.store(ctx, entries, owners)
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
	in, at := batch{hashes: d.hashes}, 0
	in.records = make([]feed.Record, len(d.copies))
	for i := range d.copies {
		in.records[i] = d.copies[i].record
	}
	copies := o.feed.logic.keep(d.copies)
	if o.entries == nil {
		room := max(len(copies), o.flushed)
		o.entries, o.owners = make([]feed.Entry, 0, room), make([]*box, 0, room)
	}
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
		}
		o.lanes.trees[c.mailbox*o.feed.cfg.Shards+d.shard].Add(hash)
		if e, ok := o.add(b, d.shard, c.record, hash); ok {
			o.entries, o.owners = append(o.entries, e), append(o.owners, b)
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
