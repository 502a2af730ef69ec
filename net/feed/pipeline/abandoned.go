package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Came is how a mailbox came to an instance.
type Came struct {
	Positions []feed.Position
	Taken     bool       // the instance signed for it; else it has added nothing
	First     feed.Epoch // if it did: the mailbox's first epoch there
}

// Abandoned tells where a mailbox stands whose instance is gone, with what the instance accepted and did not come to put into it. Came
// is nil for a mailbox that has been there from its beginning.
func Abandoned(ctx context.Context, log Log, mailbox string, came *Came, shards, outboxes int) (Stand, error) {
	s, err := log.State(ctx)
	if err != nil {
		return Stand{}, fmt.Errorf("read the feed's state: %w", err)
	}
	m, err := log.Mailbox(ctx, mailbox, 0)
	if err != nil {
		return Stand{}, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	stand, from, err := sealedStand(ctx, log, s, mailbox, outboxes)
	if err != nil {
		return Stand{}, err
	}
	stand.Number, stand.Head = m.Last, m.Head
	if came != nil && !came.Taken {
		stand.Positions = came.Positions
		return stand, nil
	}
	if stand.Positions, err = reached(ctx, log, s, mailbox, came); err != nil {
		return Stand{}, err
	}
	if m.Closed || m.Moved {
		return stand, nil
	}
	stored, subs := setOf(m.Stored), inForce{log: log}
	for rec, err := range records(ctx, log, from) {
		if err != nil {
			return Stand{}, err
		}
		holds, err := subs.of(ctx, rec.Epoch)
		if err != nil {
			return Stand{}, err
		}
		if stored[rec.Seq] || !holds.Reaches(mailbox, rec.Item) {
			continue
		}
		e := feed.Entry{
			Mailbox: mailbox, Number: stand.Number + 1, Previous: stand.Head,
			Shard: uint16(feed.ShardOf(rec.Item.Wallet, shards)), Record: rec,
		}
		stand.Tail = append(stand.Tail, e)
		stand.Number, stand.Head = e.Number, e.Hash()
	}
	return stand, nil
}

// sealedStand is where a mailbox stands by the last seal, without its entries, and the first record that its outbox may owe it.
func sealedStand(ctx context.Context, log Log, s State, mailbox string, outboxes int) (stand Stand, from feed.Seq, err error) {
	if s.Sealed == nil {
		return stand, s.First, nil
	}
	stand.Sealed, stand.Epoch = true, s.Sealed.Epoch
	from, err = owed(ctx, log, s, feed.Keeper(s.Sealed.Actor.Instance, mailbox, outboxes))
	return stand, from, err
}

// owed is the first record that an outbox may owe its mailboxes: that of the first epoch since which it did not commit.
func owed(ctx context.Context, log Log, s State, outbox feed.Actor) (feed.Seq, error) {
	from := s.First
	for seal := s.Sealed; seal != nil; {
		if _, committed := seal.CommitmentOf(outbox); committed {
			break
		}
		from = seal.First
		before, err := sealBefore(ctx, log, seal.Epoch)
		if err != nil {
			return 0, err
		}
		seal = before
	}
	return from, nil
}

// reached tells what a mailbox has of each source, or gets by the records that are accepted: less than was taken in if it was left out of
// the last epochs, or is still moving in.
func reached(ctx context.Context, log Log, s State, mailbox string, came *Came) ([]feed.Position, error) {
	var last feed.Epoch
	switch {
	case len(s.Terms) > 0:
		last = s.Terms[len(s.Terms)-1].Epoch
	case s.Sealed != nil:
		last = s.Sealed.Epoch
	default:
		return positions(s.Sources), nil
	}
	arrived, err := downTo(ctx, log, last, func(subs *feed.Subscriptions) bool {
		i, named := subs.Find(mailbox)
		return named && subs.At(i).Arriving
	})
	if err != nil {
		return nil, err
	}
	if came != nil && came.Taken && came.First <= last { // it may have been arriving when data was lost
		arrived = max(arrived, came.First)
	}
	var after []feed.Position
	moving := came != nil && arrived <= last && came.First == arrived
	if came != nil && arrived <= last && came.First == 0 && arrived > 0 { // from the instance's very first epoch on
		_, err := log.Subscriptions(ctx, arrived-1)
		moving = errors.Is(err, ErrOrder) || errors.Is(err, ErrCollected)
	}
	if moving {
		after = came.Positions
	} else {
		left := arrived
		if arrived > 0 {
			if left, err = downTo(ctx, log, arrived-1, func(subs *feed.Subscriptions) bool {
				_, named := subs.Find(mailbox)
				return !named
			}); err != nil {
				return nil, err
			}
		}
		if left > last {
			return positions(s.Sources), nil
		}
		boundary, err := firstOf(ctx, log, s, left)
		if err != nil {
			return nil, err
		}
		if after, err = positionsAt(ctx, log, s, boundary); err != nil {
			return nil, err
		}
	}
	if arrived > last {
		return after, nil
	}
	return repeated(ctx, log, s, mailbox, after, arrived)
}

// repeated tells how far a mailbox that is moving in has been given what it lacked: its echo is in the order of the records.
func repeated(ctx context.Context, log Log, s State, mailbox string, after []feed.Position, since feed.Epoch) ([]feed.Position, error) {
	subs, err := subscriptionsOf(ctx, log, since)
	if err != nil {
		return nil, err
	}
	i, _ := subs.Find(mailbox)
	echo, err := echoOf(subs.At(i), after)
	if err != nil {
		return nil, err
	}
	var lacked []feed.Item
	done := 0
	for rec, err := range records(ctx, log, 1) {
		if err != nil {
			return nil, err
		}
		switch {
		case rec.Item.Source == feed.EchoSource(mailbox) && rec.Epoch >= since:
			done++
		case !feed.IsEcho(rec.Item.Source) && echo.Reaches(mailbox, rec.Item):
			lacked = append(lacked, rec.Item)
		}
	}
	last := maps.Clone(s.Sources)
	for _, p := range after {
		last[p.Source] = max(last[p.Source], p.Number)
	}
	for _, item := range slices.Backward(lacked[min(done, len(lacked)):]) {
		last[item.Source] = item.Number - 1
	}
	return positions(last), nil
}
