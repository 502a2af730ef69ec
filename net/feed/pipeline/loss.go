package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Holds is whether a log that lacks a seal, and nothing before it, has all that the seal counts: then the seal can be stored, as if the
// instance had been stopped just before. Shards is how many receivers the instance has.
func Holds(ctx context.Context, log Log, seal feed.Seal, shards int) (bool, error) {
	s, err := log.State(ctx)
	if err != nil {
		return false, fmt.Errorf("read the feed's state: %w", err)
	}
	before := feed.Hash{}
	if s.Sealed != nil {
		before = s.Sealed.Hash()
	}
	until := seal.First + feed.Seq(seal.Count)
	if len(s.Terms) == 0 || s.Terms[0].Epoch != seal.Epoch || s.Terms[0].Subscriptions.Hash() != seal.Subscriptions ||
		seal.Previous != before || s.First != seal.First || s.Last+1 < until {
		return false, nil
	}
	gate := newGate(shards, byShard)
	counted := seal.First // one more than the last that is
	for rec, err := range records(ctx, log, seal.First) {
		if err != nil {
			return false, err
		}
		if rec.Seq >= until {
			break
		}
		if rec.Epoch != seal.Epoch {
			return false, nil
		}
		gate.trees[feed.ShardOf(rec.Item.Wallet, shards)].Add(rec.Hash())
		counted = rec.Seq + 1
	}
	if counted < until {
		return false, nil
	}
	had := gate.take()
	for _, c := range seal.Commitments {
		if c.Actor.Stage == feed.Router && !slices.Equal(c.In, had) {
			return false, nil
		}
		for _, h := range c.Heads {
			number, head, moved, err := endOf(ctx, log, h.Mailbox, seal.Epoch)
			if err != nil {
				return false, err
			}
			if !moved && (number != h.Number || head != h.Chain) {
				return false, nil
			}
		}
	}
	return true, nil
}

// endOf is where a mailbox ended with an epoch, or as far as the log has it.
func endOf(ctx context.Context, log Log, mailbox string, e feed.Epoch) (feed.Number, feed.Hash, bool, error) {
	m, err := log.Mailbox(ctx, mailbox, e+1)
	if err != nil {
		return 0, feed.Hash{}, false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	later := feed.Number(len(m.Stored))
	if m.Closed && m.ClosedIn > e {
		later++
	}
	for after := m.Last - min(m.Last, later); later > 0; {
		page, err := log.Entries(ctx, mailbox, after, pageSize)
		if err != nil {
			return 0, feed.Hash{}, false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
		}
		for _, d := range page {
			if after = d.Entry.Number; d.Entry.Epoch() > e {
				return after - 1, d.Entry.Previous, m.Moved, nil
			}
		}
		if len(page) == 0 {
			break
		}
	}
	return m.Last, m.Head, m.Moved, nil
}

// before is where a mailbox ended with a seal's epoch. Before the first one it has what it came with.
func before(ctx context.Context, log Log, mailbox string, after *feed.Seal) (number feed.Number, head feed.Hash, err error) {
	if after != nil {
		number, head, _, err = endOf(ctx, log, mailbox, after.Epoch)
		return number, head, err
	}
	page, err := log.Entries(ctx, mailbox, 0, 1)
	if err != nil {
		return 0, head, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	if len(page) > 0 {
		return page[0].Entry.Number - 1, page[0].Entry.Previous, nil
	}
	m, err := log.Mailbox(ctx, mailbox, 0)
	if err != nil {
		return 0, head, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	return m.Last, m.Head, nil
}

// Remains tells where a mailbox stands in a log that lacks what its instance has sealed since: what is left of the epochs up to that seal,
// and how much of each source. What is numbered after the seal does not count; nil is before the first one. Came is as in Abandoned.
func Remains(ctx context.Context, log Log, mailbox string, came *Came, after *feed.Seal, outboxes int) (Stand, error) {
	s, err := log.State(ctx)
	if err != nil {
		return Stand{}, fmt.Errorf("read the feed's state: %w", err)
	}
	stand, from, err := sealedStand(ctx, log, s, mailbox, outboxes)
	if err != nil {
		return Stand{}, err
	}
	void := feed.Seq(1)
	if after != nil {
		void = after.First + feed.Seq(after.Count)
	}
	if stand.Number, stand.Head, err = before(ctx, log, mailbox, after); err != nil {
		return Stand{}, err
	}
	if came != nil && !came.Taken {
		stand.Positions = came.Positions
		return stand, nil
	}
	all, err := reached(ctx, log, s, mailbox, came)
	if err != nil {
		return Stand{}, err
	}
	last := map[string]uint64{}
	for _, p := range all {
		last[p.Source] = p.Number
	}
	lacks := func(item feed.Item) {
		if had, ok := last[item.Source]; ok {
			last[item.Source] = min(had, item.Number-1)
		}
	}
	whole, err := missing(ctx, log, mailbox, from, void, lacks)
	if err != nil {
		return Stand{}, err
	}
	switch {
	case whole:
		stand.Positions = positions(last)
	case came != nil: // it was moving in, and is given all of that again
		stand.Positions = came.Positions
	}
	return stand, nil
}

// missing tells of each item from a record on that is not in a mailbox and should be, or is numbered from a record on that is void; false if
// one of them was repeated from another one, which is not looked for.
func missing(ctx context.Context, log Log, mailbox string, from, void feed.Seq, tell func(feed.Item)) (bool, error) {
	m, err := log.Mailbox(ctx, mailbox, 0)
	if err != nil {
		return false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	stored, subs := setOf(m.Stored), inForce{log: log}
	for rec, err := range records(ctx, log, from) {
		if err != nil {
			return false, err
		}
		holds, err := subs.of(ctx, rec.Epoch)
		if err != nil {
			return false, err
		}
		reaches := holds.Reaches(mailbox, rec.Item)
		switch {
		case rec.Seq < void && (stored[rec.Seq] || !reaches), feed.IsEcho(rec.Item.Source) && !reaches:
		case feed.IsEcho(rec.Item.Source):
			return false, nil
		default:
			tell(rec.Item)
		}
	}
	return true, nil
}
