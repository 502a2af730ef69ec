package instance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// maxExport is how many entries an export has at most; the newest epochs are left out beyond it.
const maxExport = 1 << 18

var errEnough = errors.New("enough")

// Export returns what this instance still has of a mailbox's sealed epochs.
func (i *Instance) Export(ctx context.Context, mailbox string) (feed.Export, error) {
	x := feed.Export{Instance: i.name, Mailbox: mailbox}
	switch _, home, _ := i.look(mailbox); home {
	case i.name:
	case "":
		return x, fmt.Errorf("mailbox %q: %w", mailbox, pipeline.ErrNoMailbox)
	default:
		return x, Elsewhere{Mailbox: mailbox, Instance: home}
	}
	first, err := i.log.FirstSeal(ctx)
	if err != nil || first == nil {
		return x, err
	}
	at, err := i.exportFrom(ctx, mailbox, first.Epoch)
	if err != nil {
		return x, err
	}
	var g gathered
	last := ^feed.Epoch(0) >> 1
	err = pipeline.Past(ctx, i.log, mailbox, &at, ^feed.Number(0), &last, g.take)
	if err != nil && !errors.Is(err, errEnough) {
		return x, err
	}
	x.Epochs = g.sealed()
	return x, nil
}

// exportFrom is the position before the first entry of what has all its seals, of which an instance keeps those from an epoch on.
func (i *Instance) exportFrom(ctx context.Context, mailbox string, from feed.Epoch) (at pipeline.Position, _ error) {
	moves, err := i.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return at, fmt.Errorf("read the moves of mailbox %s: %w", mailbox, err)
	}
	if h, lost := lastLoss(moves); lost && h.Before >= from { // of what was before, seals are missing
		at.Sealed, at.Epoch = true, h.Before
		from = h.Before + 1
	}
	low := feed.Number(0) // what was delivered here before the mailbox left and came back is no part of the present chain
	if n := len(moves); n > 0 {
		low = moves[n-1].Handover.Goes()
	}
	s, err := i.log.Mailbox(ctx, mailbox, never)
	if err != nil {
		return at, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	at.Number, err = position(ctx, i.log, mailbox, from, min(low, s.Last), s.Last)
	return at, err
}

// gathered are epochs as they are read: of each its entries, and its seal after them.
type gathered struct {
	epochs  []feed.Kept
	entries int
}

// take adds what is read. errEnough ends it.
func (g *gathered) take(n pipeline.News) error {
	if n.Seal != nil {
		k := g.epoch(n.Seal.Epoch)
		k.Seal, k.Subscriptions = n.Seal, n.Subscriptions
		return nil
	}
	g.epoch(n.Delivered.Entry.Epoch()).Add(n.Delivered.Entry, n.Delivered.Witness)
	if g.entries >= maxExport {
		return errEnough
	}
	g.entries++
	return nil
}

func (g *gathered) epoch(e feed.Epoch) *feed.Kept {
	for n := range g.epochs {
		if g.epochs[n].Epoch == e {
			return &g.epochs[n]
		}
	}
	g.epochs = append(g.epochs, feed.Kept{Epoch: e})
	return &g.epochs[len(g.epochs)-1]
}

// sealed are the epochs up to the first one without a seal, ascending.
func (g *gathered) sealed() []feed.Kept {
	slices.SortFunc(g.epochs, func(a, b feed.Kept) int { return cmp.Compare(a.Epoch, b.Epoch) })
	for n, k := range g.epochs {
		if k.Seal == nil {
			return g.epochs[:n]
		}
	}
	return g.epochs
}

// position is the number before the first entry of an epoch or a later one, between two numbers; the higher one if there is none. What is
// not kept counts as earlier.
func position(ctx context.Context, log pipeline.Log, mailbox string, e feed.Epoch, low, high feed.Number) (feed.Number, error) {
	for low < high {
		mid := low + (high-low)/2
		page, err := log.Entries(ctx, mailbox, mid, 1)
		if err != nil {
			return 0, fmt.Errorf("read mailbox %s: %w", mailbox, err)
		}
		if len(page) > 0 && page[0].Entry.Number == mid+1 && page[0].Entry.Epoch() >= e {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low, nil
}
