package instance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// errRestarted says that the feed which was followed is no more, or that a mailbox has moved.
var errRestarted = errors.New("the feed was made anew")

// Follow delivers a mailbox's entries and seals from a position on, those of earlier instances with their handovers first, until the
// context ends or deliver returns an error. Elsewhere if another instance has the mailbox, also when it moves meanwhile;
// pipeline.ErrNoMailbox if nobody has, ErrNotReady before that is known.
func (i *Instance) Follow(ctx context.Context, mailbox string, from pipeline.Position, deliver func(pipeline.News) error) error {
	for {
		f, home, changed := i.look(mailbox)
		switch {
		case home == "" && f == nil:
			return fmt.Errorf("mailbox %q: %w", mailbox, ErrNotReady)
		case home == "":
			return fmt.Errorf("mailbox %q: %w", mailbox, pipeline.ErrNoMailbox)
		case home != i.name:
			return Elsewhere{Mailbox: mailbox, Instance: home}
		}
		live, err := i.past(ctx, mailbox, &from, deliver)
		if err == nil && live && f != nil {
			err = i.live(ctx, f, changed, mailbox, &from, deliver)
		}
		if err != nil && !errors.Is(err, errRestarted) && !errors.Is(err, pipeline.ErrStopped) && !errors.Is(err, pipeline.ErrNoMailbox) {
			return err
		}
		if !live || errors.Is(err, pipeline.ErrNoMailbox) { // it opens with an epoch, or moves in
			if err := pause.For(ctx, Pace); err != nil {
				return err
			}
			continue
		}
		if f == nil {
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// past delivers what earlier instances have, and tells whether the position has come to this one.
func (i *Instance) past(ctx context.Context, mailbox string, at *pipeline.Position, deliver func(pipeline.News) error) (bool, error) {
	moves, err := i.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return false, fmt.Errorf("read the moves of mailbox %s: %w", mailbox, err)
	}
	moves = crossings(moves)
	for n := begin(moves, *at); n < len(moves); n++ {
		h := moves[n].Handover
		var last *feed.Epoch
		if h.Sealed {
			last = &h.Epoch
		}
		if at.Number <= h.Number { // more may have been delivered before data was lost
			if err := pipeline.Past(ctx, i.cfg.Ledger.Log(h.From), mailbox, at, h.Number, last, deliver); err != nil {
				return false, err
			}
		}
		at.Instance = h.From // also of who begins, and comes back when the handover is signed
		if at.Number < h.Number {
			return false, fmt.Errorf("mailbox %s, entry %d: %w", mailbox, at.Number+1, pipeline.ErrCollected)
		}
		if !moves[n].Taken {
			return false, nil
		}
		if err := deliver(pipeline.News{Handover: &h}); err != nil {
			return false, err
		}
		*at = pipeline.Position{Instance: h.To, Number: h.Goes(), Sealed: h.Follows, Epoch: h.Before}
	}
	if h, lost := lastLoss(moves); lost && !at.Sealed && at.Number >= h.Goes() { // seals are read from there on, or from the first that is kept
		first, err := i.log.FirstSeal(ctx)
		if err != nil {
			return false, fmt.Errorf("read the first seal: %w", err)
		}
		if first == nil || first.Epoch <= h.Before {
			at.Sealed, at.Epoch = true, h.Before
		}
	}
	return true, nil
}

// lastLoss is the mailbox's last move, if that is a loss of this instance.
func lastLoss(moves []Moved) (feed.Handover, bool) {
	n := len(moves)
	if n == 0 || !moves[n-1].Handover.Loss() {
		return feed.Handover{}, false
	}
	return moves[n-1].Handover, true
}

// begin is the first move that a subscriber has not seen; as many as there are if it reads the present instance. It may have read seals
// at an instance that had let the mailbox go by then.
func begin(moves []Moved, at pipeline.Position) int {
	for n, m := range moves {
		h := m.Handover
		if at.Instance == "" || h.Loss() && at.Instance == h.From {
			if at.Number < h.Goes() {
				return n
			}
			continue
		}
		if at.Instance == h.From && at.Number <= h.Number && !cameBack(moves[n+1:], at) {
			return n
		}
	}
	return len(moves)
}

// cameBack is whether a subscriber is where its mailbox was once more, after one of some moves.
func cameBack(moves []Moved, at pipeline.Position) bool {
	return slices.ContainsFunc(moves, func(m Moved) bool {
		h := m.Handover
		return m.Taken && h.To == at.Instance && h.Goes() <= at.Number && at.Sealed && h.Follows && h.Before <= at.Epoch
	})
}

// live follows the running feed until it ends, or the mailbox leaves.
func (i *Instance) live(
	ctx context.Context, f *pipeline.Feed, changed <-chan struct{}, mailbox string, at *pipeline.Position, deliver func(pipeline.News) error,
) error {
	own, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watched := make(chan struct{})
	go func() { // one per follower, which are bounded where they come from
		defer close(watched)
		for {
			select {
			case <-changed:
			case <-own.Done():
				return
			}
			var home string
			var now *pipeline.Feed
			if now, home, changed = i.look(mailbox); now != f || home != i.name {
				cancel(errRestarted)
				return
			}
		}
	}()
	at.Instance = i.name
	err := f.Follow(own, mailbox, *at, func(n pipeline.News) error {
		if err := deliver(n); err != nil {
			return err
		}
		if n.Seal != nil {
			at.Sealed, at.Epoch = true, n.Seal.Epoch
		} else {
			at.Number = n.Delivered.Entry.Number
		}
		return nil
	})
	cancel(nil)
	<-watched
	if ctx.Err() == nil && errors.Is(context.Cause(own), errRestarted) {
		return errRestarted
	}
	return err
}
