package instance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// steward keeps the mailboxes of an instance: it subscribes those that are at home here, lets those leave that are wished elsewhere,
// and takes in those that come. Everything it does is told by the ledger and the log, so that it may be stopped anywhere.
//
//	wished ─► To subscribes it as arriving, says from which epoch ─► From leaves it out, seals, and moves it
//	                                                                   (or From is gone, and To moves it)
//	       ─► To signs, repeats what From did not have, and subscribes it as any other
type steward struct {
	*Instance
	feed     *pipeline.Feed
	admitted map[string]bool // by this feed
	asked    []feed.Subscription
	from     feed.Epoch // in which what was asked for begins to hold
	orphans  orphans
}

// post is what the ledger tells of the mailboxes.
type post struct {
	homes  map[string]string
	wishes map[string]Wish
}

// run looks after the mailboxes until the context ends; subscribed is closed when all have been asked for.
func (s *steward) run(ctx context.Context, subscribed chan<- struct{}) error {
	select { // else what is open would be taken for what was never opened, and a mailbox that is here for one that moves in
	case <-s.feed.Begun():
	case <-ctx.Done():
		return ctx.Err()
	}
	ticker := time.NewTicker(Pace)
	defer ticker.Stop()
	for {
		changed := s.feed.Changed() // before the look: what changes meanwhile is looked at again
		if err := s.pass(ctx); err != nil {
			return err
		}
		if subscribed != nil {
			close(subscribed)
			subscribed = nil
		}
		// Entries change the feed as well, and are nothing to the steward: at most one look per pace is for them.
		select {
		case <-changed:
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *steward) pass(ctx context.Context) error {
	p, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.set(s.feed, p.homes)
	if err := s.adopt(ctx, p); err != nil {
		return err
	}
	if err := s.subscribe(ctx, p); err != nil {
		return err
	}
	for _, m := range s.cfg.Mailboxes {
		wish, wished := p.wishes[m.Mailbox]
		var err error
		switch {
		case p.homes[m.Mailbox] == s.name:
			if err = s.settle(ctx, m.Mailbox); err == nil && wished && wish.To != s.name && wish.Ready {
				err = s.release(ctx, m.Mailbox, wish.To)
			}
		case wished && wish.To == s.name:
			err = s.fetch(ctx, m.Mailbox, p.homes[m.Mailbox], wish)
		}
		if err != nil {
			s.cfg.Logger.Debug("A mailbox is not moved yet", "mailbox", m.Mailbox, "error", err)
		}
		if err != nil && !errors.Is(err, ErrStale) && !errors.Is(err, ErrLives) && !errors.Is(err, pipeline.ErrNoMailbox) {
			return fmt.Errorf("mailbox %s: %w", m.Mailbox, err)
		}
	}
	return nil
}

// read looks where the mailboxes are, and takes those that are nowhere.
func (s *steward) read(ctx context.Context) (p post, err error) {
	if p.homes, err = s.cfg.Ledger.Homes(ctx); err != nil {
		return p, fmt.Errorf("look where the mailboxes are: %w", err)
	}
	p.homes = maps.Clone(p.homes)
	for _, m := range s.cfg.Mailboxes {
		if p.homes[m.Mailbox] != "" {
			continue
		}
		home, err := s.cfg.Ledger.Claim(ctx, m.Mailbox)
		if err != nil {
			return p, fmt.Errorf("open mailbox %s: %w", m.Mailbox, err)
		}
		if p.homes == nil {
			p.homes = map[string]string{}
		}
		p.homes[m.Mailbox] = home
	}
	wishes, err := s.cfg.Ledger.Wishes(ctx)
	if err != nil {
		return p, fmt.Errorf("look which mailboxes are to move: %w", err)
	}
	p.wishes = make(map[string]Wish, len(wishes))
	for _, w := range wishes {
		p.wishes[w.Mailbox] = w
	}
	return p, nil
}

// subscribe asks for the mailboxes that are here, or come, from the next epoch on.
func (s *steward) subscribe(ctx context.Context, p post) error {
	var list []feed.Subscription
	now := s.feed.Now()
	for _, m := range s.cfg.Mailboxes {
		wish, wished := p.wishes[m.Mailbox]
		here := p.homes[m.Mailbox] == s.name
		switch {
		case here && wished && wish.To != s.name && wish.Ready && now.Term.Epoch+1 >= wish.From && s.served(ctx, now, m.Mailbox):
			delete(s.admitted, m.Mailbox)
			continue // it leaves
		case here:
			moves, err := s.cfg.Ledger.Moves(ctx, m.Mailbox)
			if err != nil {
				return fmt.Errorf("read the moves of mailbox %s: %w", m.Mailbox, err)
			}
			if m.Arriving, err = s.arrives(ctx, now, m.Mailbox, moves); err != nil {
				return err
			}
			if n := len(moves); n > 0 && !m.Arriving {
				m.After = moves[n-1].Handover.Positions
			}
		case wished && wish.To == s.name:
			earlier, err := s.arrivedEarlier(ctx, now, m.Mailbox)
			if err != nil {
				return err
			}
			if earlier {
				continue // for one epoch
			}
			m.Arriving = true
		default:
			continue
		}
		list = append(list, m)
	}
	if list == nil {
		list = []feed.Subscription{}
	}
	if reflect.DeepEqual(list, s.asked) {
		return nil
	}
	from, err := s.feed.Subscribe(ctx, list)
	if err != nil {
		return fmt.Errorf("subscribe the mailboxes: %w", err)
	}
	s.asked, s.from = list, from
	return nil
}

// arrives is whether a mailbox that is at home here has to be given what it lacks before it gets all as any other: it came from another
// instance, or was left out for one that did not take it.
func (s *steward) arrives(ctx context.Context, now pipeline.Now, mailbox string, moves []Moved) (bool, error) {
	if sub, there := subscription(now, mailbox); there || s.admitted[mailbox] {
		return sub.Arriving && !s.admitted[mailbox], nil
	}
	if len(moves) > 0 {
		return true, nil
	}
	_, left, err := s.leftIn(ctx, now, mailbox)
	return left, err
}

// arrivedEarlier is whether the open epoch has a mailbox arriving for a stay that has ended since: this instance had it, and was gone. What
// its epochs up to this one hold is of that stay, so that the next one must not begin with them.
func (s *steward) arrivedEarlier(ctx context.Context, now pipeline.Now, mailbox string) (bool, error) {
	if sub, there := subscription(now, mailbox); !there || !sub.Arriving {
		return false, nil
	}
	first, known, err := s.since(ctx, now.Term.Epoch, arriving(mailbox))
	if err != nil {
		return false, err
	}
	moves, err := s.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return false, fmt.Errorf("read the moves of mailbox %s: %w", mailbox, err)
	}
	return slices.ContainsFunc(moves, func(m Moved) bool {
		h := m.Handover
		return m.Taken && h.To == s.name && (h.Follows && h.First() >= first || !h.Follows && !known)
	}), nil
}

// served is whether a mailbox is one of the open epoch, or was one before: what was never opened here does not leave.
func (s *steward) served(ctx context.Context, now pipeline.Now, mailbox string) bool {
	if sub, there := subscription(now, mailbox); there {
		return !sub.Arriving
	}
	_, there, err := s.leftIn(ctx, now, mailbox)
	return there && err == nil
}

// subscription is a mailbox's in the open epoch.
func subscription(now pipeline.Now, mailbox string) (feed.Subscription, bool) {
	if !now.Open {
		return feed.Subscription{}, false
	}
	n, there := now.Term.Subscriptions.Find(mailbox)
	if !there {
		return feed.Subscription{}, false
	}
	return now.Term.Subscriptions.At(n), true
}

// leftIn is the first epoch since which no subscriptions name a mailbox; false if it is not known, or the open one does.
func (s *steward) leftIn(ctx context.Context, now pipeline.Now, mailbox string) (feed.Epoch, bool, error) {
	if !now.Open {
		return 0, false, nil
	}
	return s.since(ctx, now.Term.Epoch, without(mailbox))
}

func without(mailbox string) func(*feed.Subscriptions) bool {
	return func(subs *feed.Subscriptions) bool {
		_, named := subs.Find(mailbox)
		return !named
	}
}

func arriving(mailbox string) func(*feed.Subscriptions) bool {
	return func(subs *feed.Subscriptions) bool {
		n, named := subs.Find(mailbox)
		return named && subs.At(n).Arriving
	}
}

// since is the first of the epochs up to one in all of which something holds; false if it does not hold in that one, or has as far back
// as the log goes, to the epoch that is returned then.
func (s *steward) since(ctx context.Context, last feed.Epoch, holds func(*feed.Subscriptions) bool) (feed.Epoch, bool, error) {
	for e := last; ; e-- {
		subs, err := s.log.Subscriptions(ctx, e)
		if errors.Is(err, pipeline.ErrOrder) || errors.Is(err, pipeline.ErrCollected) { // before the first that is kept
			return e + 1, false, nil
		}
		if err != nil {
			return 0, false, fmt.Errorf("read subscriptions of epoch %d: %w", e, err)
		}
		if !holds(subs) {
			return e + 1, e != last, nil
		}
		if e == 0 {
			return 0, false, nil
		}
	}
}
