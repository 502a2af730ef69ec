package instance

import (
	"cmp"
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
// context ends or deliver returns an error. Elsewhere if another instance has the mailbox, also when it moves meanwhile; ErrUnknown if
// nobody has.
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
			if err := pause.For(ctx, i.cfg.Pace); err != nil {
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

// Acknowledge says that a subscriber needs a mailbox's entries up to a number no more.
func (i *Instance) Acknowledge(ctx context.Context, mailbox string, n feed.Number) error {
	f, home, _ := i.look(mailbox)
	switch {
	case f == nil:
		return fmt.Errorf("mailbox %s: %w", mailbox, ErrNotReady)
	case home == "":
		return fmt.Errorf("mailbox %q: %w", mailbox, pipeline.ErrNoMailbox)
	case home != i.name:
		return Elsewhere{Mailbox: mailbox, Instance: home}
	}
	err := f.Acknowledge(ctx, mailbox, n)
	if errors.Is(err, pipeline.ErrNoMailbox) {
		err = fmt.Errorf("mailbox %s: %w", mailbox, ErrNotReady)
	}
	return err
}

// Move wishes a mailbox to another instance: it goes with the end of an epoch, as soon as that instance is ready for it.
func (i *Instance) Move(ctx context.Context, mailbox, to string) error {
	return i.cfg.Ledger.Wish(ctx, mailbox, to)
}

// Mailbox is where a mailbox stands.
type Mailbox struct {
	Name         string
	Instance     string
	Here         bool
	Wished       string      // where it is to move to; none
	First        feed.Number // the oldest entry that can be read, of an epoch whose seal is kept or to come; one more than Last if there is none
	Begins       string      // the instance that delivered it
	Last         feed.Number
	Acknowledged feed.Number
	Closed       bool // it is full, or was
	Subscription feed.Subscription
}

// Mailboxes tells where all mailboxes are, ascending by name.
func (i *Instance) Mailboxes(ctx context.Context) ([]Mailbox, error) {
	homes, err := i.cfg.Ledger.Homes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look where the mailboxes are: %w", err)
	}
	wishes, err := i.cfg.Ledger.Wishes(ctx)
	if err != nil {
		return nil, fmt.Errorf("look which mailboxes are to move: %w", err)
	}
	var list []Mailbox
	for name, home := range homes {
		m := Mailbox{Name: name, Instance: home, Here: home == i.name, Subscription: feed.Subscription{Mailbox: name}}
		if m.Here && !i.recalled.Load() { // its database may have forgotten some of it
			m.Instance, m.Here = "", false
		}
		for _, w := range wishes {
			if w.Mailbox == name {
				m.Wished = w.To
			}
		}
		if n := slices.IndexFunc(i.cfg.Mailboxes, func(s feed.Subscription) bool { return s.Mailbox == name }); n >= 0 {
			m.Subscription = i.cfg.Mailboxes[n]
		}
		s, err := i.cfg.Ledger.Log(home).Mailbox(ctx, name, never)
		if err != nil {
			return nil, fmt.Errorf("read mailbox %s: %w", name, err)
		}
		m.Last, m.Acknowledged, m.Closed = s.Last, s.Acknowledged, s.Closed
		if m.First, m.Begins, err = i.oldest(ctx, name, home, s.Last); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b Mailbox) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// oldest is the first entry of a mailbox that can be read, and who delivered it: an instance that had the mailbox before, or its home.
// What was delivered in epochs whose seals are gone shows nothing, and is left out also where it is kept.
func (i *Instance) oldest(ctx context.Context, name, home string, last feed.Number) (feed.Number, string, error) {
	moves, err := i.cfg.Ledger.Moves(ctx, name)
	if err != nil {
		return 0, "", fmt.Errorf("read the moves of mailbox %s: %w", name, err)
	}
	moves = crossings(moves)
	number, begins, at, until := last+1, home, home, last
	none := feed.Epoch(0) // the first epoch of which an instance without seals may have some to come
	for n := len(moves); ; n-- {
		after := feed.Number(0)
		if n > 0 {
			after = moves[n-1].Handover.Goes()
		}
		log := i.cfg.Ledger.Log(at)
		seal, err := log.FirstSeal(ctx)
		if err != nil {
			return 0, "", fmt.Errorf("read the first seal of %s: %w", at, err)
		}
		epoch := none
		if seal != nil {
			epoch = seal.Epoch
		}
		before, err := position(ctx, log, name, epoch, after, until)
		if err != nil {
			return 0, "", err
		}
		if before < until {
			number, begins = before+1, at
		}
		if n == 0 || before > after {
			return number, begins, nil
		}
		h := moves[n-1].Handover
		if moves[n-1].Taken && h.Follows && epoch > h.First() { // nobody who comes from there can read on
			return number, begins, nil
		}
		if at, until, none = h.From, h.Number, 0; h.Sealed {
			none = h.Epoch + 1
		}
	}
}

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
	moves, err := i.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return x, fmt.Errorf("read the moves of mailbox %s: %w", mailbox, err)
	}
	from, sealed := first.Epoch, false
	if h, lost := lastLoss(moves); lost && h.Before >= first.Epoch { // of what was before, seals are missing
		from, sealed = h.Before+1, true
	}
	at, err := i.exportFrom(ctx, mailbox, from)
	if err != nil {
		return x, err
	}
	if sealed {
		at.Sealed, at.Epoch = true, from-1
	}
	var open []feed.Kept
	entries := 0
	keep := func(e feed.Epoch) *feed.Kept {
		for n := range open {
			if open[n].Epoch == e {
				return &open[n]
			}
		}
		open = append(open, feed.Kept{Epoch: e})
		return &open[len(open)-1]
	}
	last := ^feed.Epoch(0) >> 1
	err = pipeline.Past(ctx, i.log, mailbox, &at, ^feed.Number(0), &last, func(n pipeline.News) error {
		if n.Seal == nil {
			k := keep(n.Delivered.Entry.Epoch())
			if k.Entries = append(k.Entries, n.Delivered.Entry); entries >= maxExport {
				return errEnough
			}
			entries++
			return nil
		}
		k := keep(n.Seal.Epoch)
		k.Seal, k.Subscriptions = n.Seal, n.Subscriptions
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return x, err
	}
	slices.SortFunc(open, func(a, b feed.Kept) int { return cmp.Compare(a.Epoch, b.Epoch) })
	for _, k := range open {
		if k.Seal == nil {
			break
		}
		x.Epochs = append(x.Epochs, k)
	}
	return x, nil
}

// exportFrom is the position before the first entry of an epoch or a later one.
func (i *Instance) exportFrom(ctx context.Context, mailbox string, e feed.Epoch) (pipeline.Position, error) {
	s, err := i.log.Mailbox(ctx, mailbox, never)
	if err != nil {
		return pipeline.Position{}, fmt.Errorf("read mailbox %s: %w", mailbox, err)
	}
	number, err := position(ctx, i.log, mailbox, e, 0, s.Last)
	return pipeline.Position{Number: number}, err
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
