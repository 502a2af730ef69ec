package instance

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// collectEvery is how many epochs are collected at a time: most of what it takes is the same for one and for several, and so many windows more
// than are to be kept are little on a disk.
const collectEvery = 4

// watch looks at each seal: it counts what went wrong, tells it once, and has old epochs collected, at the first seal after a start and
// then several at a time.
func (i *Instance) watch(ctx context.Context, f *pipeline.Feed, last *feed.Seal) error {
	collect := feed.Epoch(i.cfg.Keep) // with which seal
	for {
		changed := f.Changed()
		for newer(f.Now().Sealed, last) { // entries change the feed as well, and are no reason to read
			seal, err := i.following(ctx, last)
			if err != nil {
				return err
			}
			if seal == nil {
				break
			}
			i.sealed(*seal)
			if last = seal; i.arrivals(f.Now()) || seal.Epoch < collect {
				continue // what moves in counts what is kept
			}
			collect = seal.Epoch + collectEvery
			if err := i.log.Collect(ctx, seal.Epoch-feed.Epoch(i.cfg.Keep)); err != nil {
				return fmt.Errorf("collect old epochs: %w", err)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newer is whether a feed that has sealed an epoch has one after the last that was looked at.
func newer(sealed, last *feed.Seal) bool {
	return sealed != nil && (last == nil || sealed.Epoch > last.Epoch)
}

func (i *Instance) following(ctx context.Context, last *feed.Seal) (*feed.Seal, error) {
	var seal *feed.Seal
	var err error
	if last == nil {
		seal, err = i.log.FirstSeal(ctx)
	} else {
		seal, err = i.log.NextSeal(ctx, last.Epoch)
	}
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	return seal, nil
}

// arrivals is whether a mailbox is moving in.
func (i *Instance) arrivals(now pipeline.Now) bool {
	if !now.Open {
		return false
	}
	for n := range now.Term.Subscriptions.Len() {
		if now.Term.Subscriptions.At(n).Arriving {
			return true
		}
	}
	return false
}

// sealed audits a seal as any subscriber does.
func (i *Instance) sealed(s feed.Seal) {
	i.counts.seals.Add(1)
	for _, b := range feed.Audit(s) {
		if b.Reason == feed.Missing {
			i.counts.missing.Add(1)
		} else {
			i.counts.blamed.Add(1)
		}
		i.cfg.Logger.Error("A stage of the feed is blamed: its subscribers are told; look at this machine before what they sign", "epoch", s.Epoch, "blame", b.Error())
	}
}

// Counts are what is told of an instance since its start.
type Counts struct {
	Records  uint64 // taken in
	Seals    uint64
	Missing  uint64 // stages that did not commit by the deadline
	Blamed   uint64 // stages that were blamed for something else
	Refused  uint64 // facts of instances that are not signed as they must be
	Restarts uint64 // of the feed, from what is stored
	Losses   uint64 // mailboxes that went on by a loss, because the database had forgotten what was told
	// Unread is how many entries of each mailbox that is here wait for their acknowledgement.
	Unread map[string]uint64
}

// Counts tells what happened since the start.
func (i *Instance) Counts() Counts {
	var unread map[string]uint64
	if f, _, _ := i.look(""); f != nil {
		unread = f.Unread()
	}
	return Counts{
		Unread:  unread,
		Records: i.counts.records.Load(), Seals: i.counts.seals.Load(), Missing: i.counts.missing.Load(),
		Blamed: i.counts.blamed.Load(), Refused: i.counts.refused.Load(), Restarts: i.counts.restarts.Load(), Losses: i.counts.losses.Load(),
	}
}
