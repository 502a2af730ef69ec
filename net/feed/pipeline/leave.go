package pipeline

import (
	"cmp"
	"context"
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
		if _, committed := seal.CommitmentOf(feed.Keeper(seal.Actor.Instance, mailbox, outboxes)); committed {
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
	last, seen := map[string]uint64{}, map[string]bool{}
	maps.Copy(last, s.Sources)
	for rec, err := range records(ctx, log, boundary) {
		if err != nil {
			return nil, err
		}
		if rec.Seq > s.Last { // it came after the state was read
			break
		}
		if name := rec.Item.Source; !seen[name] {
			seen[name], last[name] = true, rec.Item.Number-1
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
