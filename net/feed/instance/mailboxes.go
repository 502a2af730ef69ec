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
	switch {
	case errors.Is(err, pipeline.ErrNoMailbox):
		err = fmt.Errorf("mailbox %s: %w", mailbox, ErrNotReady)
	case errors.Is(err, pipeline.ErrFuture): // or it has moved since the last look, and whoever has it now has delivered that entry
		homes, failed := i.cfg.Ledger.Homes(ctx)
		if failed != nil {
			return fmt.Errorf("look where the mailboxes are: %w", failed)
		}
		if home := homes[mailbox]; home != "" && home != i.name {
			return Elsewhere{Mailbox: mailbox, Instance: home}
		}
	}
	return err
}

// Move wishes a mailbox to another instance: it goes with the end of an epoch, as soon as that instance is ready for it. ErrStays if it
// would never go.
func (i *Instance) Move(ctx context.Context, mailbox, to string) error {
	homes, err := i.cfg.Ledger.Homes(ctx)
	if err != nil {
		return fmt.Errorf("look where the mailboxes are: %w", err)
	}
	if home := homes[mailbox]; home != "" && home != to && feed.Stays(mailbox) {
		return fmt.Errorf("mailbox %s of instance %s: %w", mailbox, home, ErrStays)
	}
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
	subscribed := map[string]*feed.Subscriptions{} // by instance, of mailboxes that only that one is told of
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
		} else if m.Subscription, err = i.subscription(ctx, subscribed, home, name); err != nil {
			return nil, err
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

// subscription is what another instance's mailbox was subscribed to last, by that instance's own log. It is bare where that has opened no
// epoch with the mailbox yet.
func (i *Instance) subscription(ctx context.Context, known map[string]*feed.Subscriptions, home, mailbox string) (feed.Subscription, error) {
	bare := feed.Subscription{Mailbox: mailbox}
	subs, read := known[home]
	if !read && home != i.name {
		state, err := i.cfg.Ledger.Log(home).State(ctx)
		if err != nil {
			return bare, fmt.Errorf("read where the feed of %s stands: %w", home, err)
		}
		if n := len(state.Terms); n > 0 {
			subs = state.Terms[n-1].Subscriptions
		}
		known[home] = subs
	}
	if subs == nil {
		return bare, nil
	}
	n, there := subs.Find(mailbox)
	if !there {
		return bare, nil
	}
	return subs.At(n), nil
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
