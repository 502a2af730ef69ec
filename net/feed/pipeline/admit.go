package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// admission has a mailbox that moves in begin.
type admission struct {
	mailbox string
	after   []feed.Position
	since   feed.Epoch
	from    feed.Seq
	done    chan error // room for one
}

// Admit begins with a mailbox that moves in, as soon as the log knows where it stands: what this feed took in after the given positions
// is repeated for it, in the same order, and so is all that comes until an epoch in which it does not arrive any more. Since is the
// first epoch in which it did. Admitting it again, as after a restart, goes on where it was. Nothing may be collected meanwhile.
// ErrNoMailbox if the open epoch does not have it arriving.
func (f *Feed) Admit(ctx context.Context, mailbox string, after []feed.Position, since feed.Epoch) error {
	from, err := f.beginning(ctx, after)
	if err != nil {
		return err
	}
	a := admission{mailbox: mailbox, after: slices.Clone(after), since: since, from: from, done: make(chan error, 1)}
	return wish(ctx, f, f.admissions, a, a.done)
}

// beginning is the first record after positions, as far as the log reaches back. It is looked for here, where nobody waits for it.
func (f *Feed) beginning(ctx context.Context, after []feed.Position) (feed.Seq, error) {
	next := feed.Seq(1)
	for rec, err := range records(ctx, f.cfg.Log, 1) {
		if err != nil {
			return 0, err
		}
		if !feed.IsEcho(rec.Item.Source) && rec.Item.Number > feed.PositionOf(after, rec.Item.Source) {
			return rec.Seq, nil
		}
		next = rec.Seq + 1
	}
	return next, nil
}

// arriving is whether a mailbox moves in with the term.
func (t Term) arriving(mailbox string) bool {
	i, ok := t.Subscriptions.Find(mailbox)
	return ok && t.Subscriptions.At(i).Arriving
}

// admit repeats what a mailbox lacks, and from then on what comes.
func (in *inbox) admit(ctx context.Context, a admission) error {
	if !in.open || !in.term.arriving(a.mailbox) {
		a.done <- fmt.Errorf("mailbox %s does not move in: %w", a.mailbox, ErrNoMailbox)
		return nil
	}
	if in.echoes[a.mailbox] != nil {
		a.done <- nil
		return nil
	}
	i, _ := in.term.Subscriptions.Find(a.mailbox)
	echo, err := echoOf(in.term.Subscriptions.At(i), a.after)
	if err != nil {
		a.done <- err
		return nil //nolint:nilerr // the error is the caller's
	}
	lacks, err := in.backlog(ctx, a, echo)
	if err != nil {
		return err
	}
	for len(lacks) > 0 {
		page, err := in.feed.cfg.Log.Accepted(ctx, lacks[0], pageSize)
		if err != nil {
			return fmt.Errorf("read records: %w", err)
		}
		g := in.repeats(a.mailbox)
		for _, r := range page {
			if len(lacks) > 0 && r.Record.Seq == lacks[0] {
				g.repeat(r.Record.Item, r.Payload, r.Witness)
				lacks = lacks[1:]
			}
		}
		if len(g.items) == 0 {
			return fmt.Errorf("record %d: %w", lacks[0], ErrCollected)
		}
		b, err := in.store(ctx, []group{g.whole()})
		if err != nil {
			return err
		}
		if err := in.give(ctx, b); err != nil {
			return err
		}
	}
	in.echoes[a.mailbox] = echo
	a.done <- nil
	return nil
}

// echoOf says what is repeated for a mailbox that has its sources up to some positions.
func echoOf(own feed.Subscription, after []feed.Position) (*feed.Subscriptions, error) {
	return feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: own.Mailbox, Wallets: own.Wallets, Kinds: own.Kinds, After: after}})
}

// backlog finds what a mailbox lacks: what goes to it of all that the log has, less what was repeated already.
func (in *inbox) backlog(ctx context.Context, a admission, echo *feed.Subscriptions) (lacks []feed.Seq, err error) {
	repeated := 0
	for rec, err := range records(ctx, in.feed.cfg.Log, a.from) {
		if err != nil {
			return nil, err
		}
		switch {
		case rec.Item.Source == feed.EchoSource(a.mailbox) && rec.Epoch >= a.since:
			repeated++
		case !feed.IsEcho(rec.Item.Source) && echo.Reaches(a.mailbox, rec.Item):
			lacks = append(lacks, rec.Seq)
		}
	}
	return lacks[min(repeated, len(lacks)):], nil
}

// repeats begins what an echo brings.
func (in *inbox) repeats(mailbox string) group {
	source := feed.EchoSource(mailbox)
	return group{submission: submission{source: source, first: in.sources[source] + 1}}
}

// repeat adds an item to what an echo brings. What its origin signed of it goes with it, and says which item it is.
func (g *group) repeat(item feed.Item, payload []byte, by *feed.Witness) {
	item.Source, item.Number = g.source, g.first+uint64(len(g.items))
	g.items, g.hashes = append(g.items, item), append(g.hashes, item.Hash())
	g.payloads, g.witnesses = append(g.payloads, payload), append(g.witnesses, by)
}

// whole is what an echo brings: all of it is new.
func (g group) whole() group {
	g.taken, g.came = slices.Clone(g.items), g.hashes
	return g
}

// echo is what is repeated of a submission.
func (in *inbox) echo(own group) (groups []group) {
	for mailbox, echo := range in.echoes {
		g := in.repeats(mailbox)
		for _, item := range own.taken {
			if echo.Reaches(mailbox, item) {
				payload, by, _ := own.find(&item)
				g.repeat(item, payload, by)
			}
		}
		if len(g.items) > 0 {
			groups = append(groups, g.whole())
		}
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.source, b.source) })
	return groups
}
