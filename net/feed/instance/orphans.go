package instance

import (
	"context"
	"fmt"
	"maps"
	"time"
)

const (
	// absence is for how long an instance must have no session before its mailboxes are wished here: a restart is over by then.
	absence = time.Minute
	// absenceLook is the pause between two looks at who has one.
	absenceLook = absence / 4
)

// orphans are the mailboxes of instances that are gone. Somebody may wait for them and not know whom to tell.
type orphans struct {
	looked time.Time
	since  map[string]time.Time // when an instance was first seen without a session
}

// adopt wishes mailboxes here whose instance is gone, unless they are wished to one that is not. Of several who do the last one has its wish.
func (s *steward) adopt(ctx context.Context, p post) error {
	now := time.Now()
	if now.Sub(s.orphans.looked) < absenceLook {
		return nil
	}
	s.orphans.looked = now
	since := map[string]time.Time{} // zero of one that lives
	gone := func(name string) (bool, error) {
		first, seen := since[name]
		if !seen {
			lives, err := s.cfg.Ledger.Lives(ctx, name)
			if err != nil {
				return false, fmt.Errorf("look whether instance %s lives: %w", name, err)
			}
			if !lives {
				first = now
				if before, was := s.orphans.since[name]; was {
					first = before
				}
			}
			since[name] = first
		}
		return !first.IsZero() && now.Sub(first) >= absence, nil
	}
	for _, m := range s.cfg.Mailboxes {
		home := p.homes[m.Mailbox]
		if home == "" || home == s.name {
			continue
		}
		orphan, err := gone(home)
		if wish, wished := p.wishes[m.Mailbox]; err == nil && orphan && wished {
			if wish.To == s.name {
				continue
			}
			orphan, err = gone(wish.To)
		}
		if err != nil {
			return err
		}
		if !orphan {
			continue
		}
		if err := s.cfg.Ledger.Wish(ctx, m.Mailbox, s.name); err != nil {
			return fmt.Errorf("wish mailbox %s here: %w", m.Mailbox, err)
		}
		s.cfg.Logger.Warn("A mailbox is to go on here, for its instance is gone",
			"mailbox", m.Mailbox, "instance", home, "without_session_since", since[home])
	}
	maps.DeleteFunc(since, func(_ string, first time.Time) bool { return first.IsZero() })
	s.orphans.since = since
	return nil
}
