package pipeline

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
)

// Position is where a subscriber is: what it has, and so what it does not get again.
type Position struct {
	Instance string      // whose feed it read last; none: it begins
	Number   feed.Number // the last entry
	Sealed   bool        // whether it has a seal of that instance
	Epoch    feed.Epoch  // the last seal
}

// News is one thing a subscriber is told: an entry, a seal with the subscriptions that held, or that the mailbox goes on in another
// instance.
type News struct {
	Delivered     *Delivered
	Seal          *feed.Seal
	Subscriptions *feed.Subscriptions
	Handover      *feed.Handover
}

// Follow delivers a mailbox's entries and all seals from a position on, in an order in which they can be verified: the entries of an
// epoch, then its seal; those of an outbox that was missing come after it. It reads from the log at the subscriber's own pace, until the context ends or
// deliver returns an error.
func (f *Feed) Follow(ctx context.Context, mailbox string, from Position, deliver func(News) error) error {
	for {
		changed := f.changed()
		b, err := f.find(mailbox)
		if err != nil {
			return err
		}
		progress, err := step(ctx, f.cfg.Log, mailbox, &from, nil, f.known(b, from), deliver)
		if err != nil {
			return err
		}
		if progress {
			continue
		}
		select {
		case <-changed:
		case <-f.stopped:
			return ErrStopped
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lacks is what the log is known not to have after a position, so that it need not be asked: many are woken by what is for one of them.
type lacks struct{ entries, seals bool }

// known tells it of the feed's own mailbox.
func (f *Feed) known(b *box, at Position) (l lacks) {
	select {
	case <-f.begun:
	default:
		return l
	}
	sealed := f.Now().Sealed
	l.seals = sealed == nil || at.Sealed && at.Epoch >= sealed.Epoch
	l.entries = b.settled.Load() && uint64(at.Number) >= b.last.Load()
	return l
}

// Past delivers what an instance has of a mailbox that has left it with an entry, from a position on, and moves the position to its
// end. Last is the last epoch whose seal is delivered; nil: the instance sealed none.
func Past(
	ctx context.Context, log Log, mailbox string, from *Position, until feed.Number, last *feed.Epoch, deliver func(News) error,
) error {
	if last == nil {
		none := feed.Epoch(0)
		last, from.Sealed, from.Epoch = &none, true, 0
	}
	end := &border{until: until, last: *last}
	for {
		progress, err := step(ctx, log, mailbox, from, end, lacks{}, deliver)
		if err != nil || !progress {
			return err
		}
	}
}

// border is where a mailbox has left an instance.
type border struct {
	until feed.Number
	last  feed.Epoch
}

// step delivers a page of entries, or the next seal once all that it covers is delivered.
func step(ctx context.Context, log Log, mailbox string, at *Position, end *border, none lacks, deliver func(News) error) (bool, error) {
	var seal *feed.Seal
	if !none.seals {
		var err error
		if seal, err = next(ctx, log, *at, end); err != nil {
			return false, err
		}
	}
	room := pageSize
	if end != nil {
		room = int(min(uint64(pageSize), uint64(max(end.until, at.Number)-at.Number)))
	}
	if seal != nil {
		limit := at.Number
		if head, ok := seal.HeadOf(mailbox); ok {
			limit = head.Number
		}
		room = int(min(uint64(room), uint64(max(limit, at.Number)-at.Number)))
	}
	if seal == nil && (room == 0 || none.entries) {
		return false, nil
	}
	if room > 0 {
		page, err := log.Entries(ctx, mailbox, at.Number, room)
		if err != nil {
			return false, fmt.Errorf("read mailbox %s: %w", mailbox, err)
		}
		for i := range page {
			if n := page[i].Entry.Number; n != at.Number+1 {
				return false, fmt.Errorf("mailbox %s, entry %d: %w", mailbox, at.Number+1, ErrCollected)
			}
			if err := deliver(News{Delivered: &page[i]}); err != nil {
				return false, err
			}
			at.Number = page[i].Entry.Number
		}
		if len(page) > 0 || seal == nil {
			return len(page) > 0, nil
		}
		return false, fmt.Errorf("mailbox %s, entry %d: %w", mailbox, at.Number+1, ErrCollected)
	}
	subs, err := subscriptionsOf(ctx, log, seal.Epoch)
	if err != nil {
		return false, err
	}
	if err := deliver(News{Seal: seal, Subscriptions: subs}); err != nil {
		return false, err
	}
	at.Sealed, at.Epoch = true, seal.Epoch
	return true, nil
}

// next reads the seal after a position, none after the border if there is one.
func next(ctx context.Context, log Log, at Position, end *border) (*feed.Seal, error) {
	if end != nil && at.Sealed && at.Epoch >= end.last {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	var seal *feed.Seal
	var err error
	if at.Sealed {
		seal, err = log.NextSeal(ctx, at.Epoch)
	} else {
		seal, err = log.FirstSeal(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if seal != nil && end != nil && seal.Epoch > end.last {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	if seal != nil && at.Sealed && seal.Epoch != at.Epoch+1 { // every epoch has a seal
		return nil, fmt.Errorf("seal of epoch %d: %w", at.Epoch+1, ErrCollected)
	}
	return seal, nil
}
