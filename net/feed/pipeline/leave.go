package pipeline

import (
	"cmp"
	"context"
	"fmt"
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

// Abandoned tells where a mailbox stands whose instance is gone, with what the instance accepted and did not come to put into it.
func Abandoned(ctx context.Context, log Log, mailbox string, shards, outboxes int) (Stand, error) {
	s, err := log.State(ctx)
	if err != nil {
		return Stand{}, fmt.Errorf("read the feed's state: %w", err)
	}
	m, err := log.Mailbox(ctx, mailbox, 0)
	if err != nil {
		return Stand{}, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	stand := Stand{Number: m.Last, Head: m.Head, Positions: positions(s.Sources)}
	from := s.First
	if s.Sealed != nil {
		stand.Sealed, stand.Epoch = true, s.Sealed.Epoch
		outbox := feed.Actor{Instance: s.Sealed.Actor.Instance, Stage: feed.Outbox, Index: uint16(feed.OutboxOf(mailbox, outboxes))}
		if from, err = owed(ctx, log, s, outbox); err != nil {
			return Stand{}, err
		}
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
