package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// order tells the inbox to end its epoch (unless it has none yet) and begin the next.
type order struct {
	next   Term
	queues []*queue
	sealed feed.Epoch // epochs before it are sealed
}

// inbox validates what sources submit, numbers and stores it, and sends it on its way.
type inbox struct {
	feed    *Feed
	replay  []Term // what was open when the log was read, not yet taken through again
	term    Term
	open    bool
	next    feed.Seq
	sources map[string]uint64
	door    entrance
	orders  <-chan order
	out     chan<- batch
	reports chan<- report

	queues []*queue                       // what the epochs to be taken through again go into
	epoch  *account                       // what passed in the open one
	echoes map[string]*feed.Subscriptions // what is repeated for mailboxes that move in: one subscription each

	came     []feed.Item // room for what a submission brings
	accepted []Accepted  // room for what is stored of it
}

func newInbox(f *Feed, s State, orders <-chan order, out chan<- batch, reports chan<- report, queues []*queue) *inbox {
	in := &inbox{
		feed: f, replay: s.Terms, next: s.First, sources: map[string]uint64{}, orders: orders, out: out, reports: reports, queues: queues,
		epoch: newAccount(s.First, f.cfg.Shards), echoes: map[string]*feed.Subscriptions{}, door: entrance{passed: map[string]uint64{}},
	}
	for name, last := range s.Sources {
		in.sources[name], in.door.passed[name] = last, last
	}
	return in
}

func (in *inbox) run(ctx context.Context) error {
	if err := in.again(ctx); err != nil {
		return err
	}
	var early *submission // it came when an end of the epoch was on its way
	for {
		if early != nil && in.timely() {
			if err := in.accept(ctx, *early); err != nil {
				return err
			}
			early = nil
		}
		submissions := in.feed.submissions
		if !in.open || early != nil { // nothing can be numbered before the first epoch
			submissions = nil
		}
		var err error
		select {
		case s := <-submissions:
			early = &s
		case a := <-in.feed.admissions:
			err = in.admit(ctx, a)
		case o := <-in.orders:
			err = in.turn(ctx, o)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// timely is whether no end of the epoch is on its way from the sequencer: what comes now is not numbered in an epoch that is over.
func (in *inbox) timely() bool { return in.term.Epoch >= in.feed.Now().Term.Epoch }

// again takes the records of the epochs that are not sealed through the stages once more, so that all count the same as before.
func (in *inbox) again(ctx context.Context) error {
	for i, t := range in.replay {
		in.term, in.open = t, true
		for {
			page, err := in.feed.cfg.Log.Records(ctx, in.next, pageSize)
			if err != nil {
				return fmt.Errorf("read records again: %w", err)
			}
			page = slices.DeleteFunc(page, func(r feed.Record) bool { return r.Epoch != t.Epoch })
			if len(page) == 0 {
				break
			}
			b, bySource := batch{records: page}, make(map[string][]feed.Hash)
			for _, rec := range page {
				item := rec.Item.Hash()
				b.hashes = append(b.hashes, rec.Over(item))
				bySource[rec.Item.Source] = append(bySource[rec.Item.Source], item)
			}
			for source, items := range bySource {
				in.epoch.add(source, items, items)
			}
			if err := in.give(ctx, b); err != nil {
				return err
			}
		}
		if i+1 < len(in.replay) {
			if err := in.turn(ctx, order{next: in.replay[i+1], queues: in.queues}); err != nil {
				return err
			}
		}
	}
	return nil
}

// group is what one source brings at a time.
type group struct {
	submission
	taken      []feed.Item // what the inbox makes of it
	came, went []feed.Hash // what is new of what passed the link before the inbox, and what the inbox lets out
}

// accept numbers and stores a submission, with what is repeated of it, answers, and sends its records on. Errors are the log's, and
// end the feed: what it did is not known.
func (in *inbox) accept(ctx context.Context, s submission) error {
	last := in.sources[s.source]
	err := in.knows(s.source)
	if err == nil && (s.first == 0 || s.first > last+1 && !feed.BeginsSeries(s.first)) {
		err = fmt.Errorf("%w: %s goes on with %d or a series, not with %d", ErrSource, s.source, last+1, s.first)
	}
	if err != nil {
		s.done <- err
		return nil //nolint:nilerr // the error is the source's
	}
	in.came = append(in.came[:0], s.items...)
	own := group{submission: s, taken: in.feed.logic.take(in.came, last), came: in.door.pass(s)}
	if len(own.came) == 0 && len(own.taken) == 0 {
		s.done <- nil
		return nil
	}
	b, err := in.store(ctx, append([]group{own}, in.echo(own)...))
	if err != nil {
		return err
	}
	s.done <- nil
	return in.give(ctx, b)
}

// store numbers and stores what sources bring, all of it or nothing.
func (in *inbox) store(ctx context.Context, groups []group) (batch, error) {
	n := 0
	for i := range groups {
		n += len(groups[i].taken)
	}
	b, accepted := batch{records: make([]feed.Record, 0, n), hashes: make([]feed.Hash, 0, n)}, slices.Grow(in.accepted[:0], n)
	for n := range groups {
		g := &groups[n]
		next := in.next + feed.Seq(len(accepted))
		records := in.feed.logic.number(g.taken, next, in.term)
		g.went = make([]feed.Hash, len(records))
		for i := range records {
			rec := &records[i]
			if rec.Seq != next+feed.Seq(i) {
				return batch{}, feed.Blame{Actor: in.actor(), Reason: feed.Numbering, Seq: rec.Seq}
			}
			a := Accepted{Record: *rec}
			a.Payload, a.Witness, g.went[i] = g.find(&rec.Item)
			b.hashes, accepted = append(b.hashes, rec.Over(g.went[i])), append(accepted, a)
		}
		b.records = append(b.records, records...)
	}
	if len(accepted) > 0 {
		if err := in.feed.cfg.Log.Accept(ctx, accepted); err != nil {
			return batch{}, fmt.Errorf("store records: %w", err)
		}
		clear(accepted)
		if in.accepted = accepted[:0]; cap(accepted) > 4*MaxSubmission {
			in.accepted = nil
		}
	}
	for _, g := range groups {
		for _, item := range g.taken {
			in.sources[g.source] = max(in.sources[g.source], item.Number)
		}
		in.epoch.add(g.source, g.came, g.went)
	}
	return b, nil
}

// knows refuses a source that may not submit, and one more than there may be.
func (in *inbox) knows(source string) error {
	if err := feed.CheckName(source); err != nil || feed.IsEcho(source) {
		return fmt.Errorf("%w: %q is no name of a source", ErrSource, source)
	}
	if len(in.feed.cfg.Sources) > 0 {
		if !slices.Contains(in.feed.cfg.Sources, source) {
			return fmt.Errorf("%w: %q is not one of this feed's sources", ErrSource, source)
		}
		return nil
	}
	if _, known := in.sources[source]; known {
		return nil
	}
	others := 0
	for name := range in.sources {
		if !feed.IsEcho(name) {
			others++
		}
	}
	if others >= feed.MaxSources {
		return fmt.Errorf("%w: %q would be one more than %d", ErrSource, source, feed.MaxSources)
	}
	return nil
}

// give counts a batch and sends it to the router.
func (in *inbox) give(ctx context.Context, b batch) error {
	for i := range b.records {
		rec := &b.records[i]
		to := in.term.Subscriptions.For(rec.Item)
		if (rec.Epoch != in.term.Epoch || rec.Recipients != to.Hash) && len(in.epoch.blames) == 0 { // one says it
			in.epoch.blames = []feed.Blame{{Actor: in.actor(), Reason: feed.Numbering, Seq: rec.Seq}}
		}
		in.epoch.shards.trees[feed.ShardOf(rec.Item.Wallet, in.feed.cfg.Shards)].Add(b.hashes[i])
	}
	in.next += feed.Seq(len(b.records))
	if len(b.records) == 0 {
		return nil
	}
	return send(ctx, in.out, b)
}

// turn ends the epoch, if there is one, and begins the next.
func (in *inbox) turn(ctx context.Context, o order) error {
	came, went := in.epoch.items.take()
	maps.DeleteFunc(in.echoes, func(mailbox string, _ *feed.Subscriptions) bool { return !o.next.arriving(mailbox) })
	end := &ending{term: in.term, next: o.next, until: in.next, sealed: o.sealed, queues: o.queues, gave: in.epoch.shards.take()}
	saw := feed.Commitment{Actor: in.actor(), Epoch: in.term.Epoch, In: came, Out: join(went, end.gave)}
	r := report{first: in.epoch.first, count: uint64(in.next - in.epoch.first), blames: in.epoch.blames}
	was := in.open
	in.term, in.open, in.epoch = o.next, true, newAccount(in.next, in.feed.cfg.Shards)
	for _, q := range o.queues {
		if q != nil {
			q.join(o.next.Epoch)
		}
	}
	if err := send(ctx, in.out, batch{end: end}); err != nil || !was {
		return err
	}
	return in.feed.report(ctx, in.reports, saw, r)
}

func (in *inbox) actor() feed.Actor { return in.feed.cfg.Signer.Actor(feed.Inbox, 0) }

// take passes over what the source has submitted before.
func take(items []feed.Item, last uint64) []feed.Item {
	return slices.DeleteFunc(items, func(i feed.Item) bool { return i.Number <= last })
}

// number gives items their numbers and recipients.
func number(items []feed.Item, first feed.Seq, t Term) []feed.Record {
	records := make([]feed.Record, len(items))
	for i, item := range items {
		records[i] = feed.Record{
			Seq: first + feed.Seq(i), Epoch: t.Epoch, Item: item,
			Recipients: t.Subscriptions.For(item).Hash,
		}
	}
	return records
}
