package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// Stand is where a mailbox stands when it leaves an instance.
type Stand struct {
	Number    feed.Number
	Head      feed.Hash
	Sealed    bool
	Epoch     feed.Epoch      // the last seal that is of the mailbox
	Positions []feed.Position // what of each source it has, or does not get
	Tail      []feed.Entry    // what it lacks of the records that the instance accepted: to be appended first
}

// Left tells where a mailbox stands that no subscriptions name any more since an epoch; false as long as the epochs before it are not
// sealed, or its outbox still owes it records of them. The shape is the instance's.
func Left(ctx context.Context, log Log, mailbox string, since feed.Epoch, outboxes int) (Stand, bool, error) {
	s, err := log.State(ctx) // before the records: what comes meanwhile is looked at below
	if err != nil {
		return Stand{}, false, fmt.Errorf("read the feed's state: %w", err)
	}
	stand := Stand{Sealed: true}
	boundary := feed.Seq(0)
	at := Position{Sealed: since > 1, Epoch: max(since, 2) - 2}
	for s.Sealed != nil {
		seal, err := next(ctx, log, at, nil)
		if err != nil {
			return Stand{}, false, err
		}
		if seal == nil {
			break
		}
		at = Position{Sealed: true, Epoch: seal.Epoch}
		if boundary == 0 {
			if seal.Epoch+1 != since {
				return Stand{}, false, fmt.Errorf("seal of epoch %d: %w", since-1, ErrCollected)
			}
			boundary = seal.First + feed.Seq(seal.Count)
		}
		outbox := feed.Actor{Instance: seal.Actor.Instance, Stage: feed.Outbox, Index: uint16(feed.OutboxOf(mailbox, outboxes))}
		if _, committed := seal.CommitmentOf(outbox); committed {
			stand.Epoch = seal.Epoch
			m, err := log.Mailbox(ctx, mailbox, since)
			if err != nil {
				return Stand{}, false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
			}
			stand.Number, stand.Head = m.Last, m.Head
			stand.Positions, err = positionsAt(ctx, log, s, boundary)
			return stand, err == nil, err
		}
	}
	return Stand{}, false, nil
}

// positionsAt tells how far sources had been taken in before a record.
func positionsAt(ctx context.Context, log Log, s State, boundary feed.Seq) ([]feed.Position, error) {
	last := map[string]uint64{}
	for name, n := range s.Sources {
		last[name] = n
	}
	seen := map[string]bool{}
	for from := boundary; from <= s.Last; {
		page, err := log.Records(ctx, from, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			if name := rec.Item.Source; !seen[name] {
				seen[name], last[name] = true, rec.Item.Number-1
			}
			from = rec.Seq + 1
		}
	}
	return positions(last), nil
}

func positions(last map[string]uint64) (list []feed.Position) {
	for name, n := range last {
		if n > 0 && !feed.IsEcho(name) {
			list = append(list, feed.Position{Source: name, Number: n})
		}
	}
	slices.SortFunc(list, func(a, b feed.Position) int { return cmp.Compare(a.Source, b.Source) })
	return list
}

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
	stand := Stand{Number: m.Last, Head: m.Head}
	from := s.First
	if s.Sealed != nil {
		stand.Sealed, stand.Epoch = true, s.Sealed.Epoch
		outbox := feed.Actor{Instance: s.Sealed.Actor.Instance, Stage: feed.Outbox, Index: uint16(feed.OutboxOf(mailbox, outboxes))}
		if from, err = owed(ctx, log, s, outbox); err != nil {
			return Stand{}, err
		}
	}
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
	stored := map[feed.Seq]struct{}{}
	for _, seq := range m.Stored {
		stored[seq] = struct{}{}
	}
	var subs *feed.Subscriptions
	of := feed.Epoch(0)
	for {
		page, err := log.Records(ctx, from, pageSize)
		if err != nil {
			return Stand{}, fmt.Errorf("read records: %w", err)
		}
		if len(page) == 0 {
			return stand, nil
		}
		for _, rec := range page {
			if from = rec.Seq + 1; subs == nil || of != rec.Epoch {
				if subs, err = log.Subscriptions(ctx, rec.Epoch); err != nil {
					return Stand{}, fmt.Errorf("read subscriptions of epoch %d: %w", rec.Epoch, err)
				}
				of = rec.Epoch
			}
			if _, there := stored[rec.Seq]; there || !subs.Reaches(mailbox, rec.Item) {
				continue
			}
			e := feed.Entry{Mailbox: mailbox, Number: stand.Number + 1, Previous: stand.Head, Shard: uint16(shardOf(rec.Item.Wallet, shards)), Record: rec}
			stand.Tail = append(stand.Tail, e)
			stand.Number, stand.Head = e.Number, e.Hash()
		}
	}
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
	subs, err := log.Subscriptions(ctx, since)
	if err != nil {
		return nil, fmt.Errorf("read subscriptions of epoch %d: %w", since, err)
	}
	i, _ := subs.Find(mailbox)
	echo, err := feed.NewSubscriptions(1, []feed.Subscription{{Mailbox: mailbox, Wallets: subs.At(i).Wallets, Kinds: subs.At(i).Kinds, After: after}})
	if err != nil {
		return nil, err
	}
	var lacked []feed.Item
	done := 0
	for from := feed.Seq(1); ; {
		page, err := log.Records(ctx, from, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			switch {
			case rec.Item.Source == feed.EchoSource(mailbox) && rec.Epoch >= since:
				done++
			case !feed.IsEcho(rec.Item.Source) && echo.Reaches(mailbox, rec.Item):
				lacked = append(lacked, rec.Item)
			}
			from = rec.Seq + 1
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

// downTo is the first of the epochs up to one in all of which something holds, as far back as the log goes; one more than the last if
// it does not hold in that.
func downTo(ctx context.Context, log Log, last feed.Epoch, holds func(*feed.Subscriptions) bool) (feed.Epoch, error) {
	for e := last; ; e-- {
		subs, err := log.Subscriptions(ctx, e)
		if errors.Is(err, ErrOrder) || errors.Is(err, ErrCollected) {
			return e + 1, nil
		}
		if err != nil {
			return 0, fmt.Errorf("read subscriptions of epoch %d: %w", e, err)
		}
		if !holds(subs) {
			return e + 1, nil
		}
		if e == 0 {
			return 0, nil
		}
	}
}

// firstOf is the first record of an epoch that was opened, or the one that it would have been.
func firstOf(ctx context.Context, log Log, s State, e feed.Epoch) (feed.Seq, error) {
	if s.Sealed != nil && s.Sealed.Epoch >= e {
		seal, err := sealBefore(ctx, log, e+1)
		if err != nil {
			return 0, err
		}
		if seal == nil {
			return 0, fmt.Errorf("seal of epoch %d: %w", e, ErrCollected)
		}
		return seal.First, nil
	}
	for from := s.First; ; {
		page, err := log.Records(ctx, from, pageSize)
		if err != nil {
			return 0, fmt.Errorf("read records: %w", err)
		}
		for _, rec := range page {
			if rec.Epoch >= e {
				return rec.Seq, nil
			}
			from = rec.Seq + 1
		}
		if len(page) == 0 {
			return from, nil
		}
	}
}
