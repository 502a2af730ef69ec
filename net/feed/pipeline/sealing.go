package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
)

// closing is an epoch that is over and waits for its commitments.
type closing struct {
	term     Term
	deadline uint64 // in heights seen
	reports  map[feed.Actor]report
	missing  map[feed.Actor]bool
	untimely bool // it was ended before its window was over, or long after
}

func (s *sequencer) closing(t Term) *closing {
	return &closing{term: t, deadline: s.seen + s.feed.cfg.Patience, reports: map[feed.Actor]report{}, missing: map[feed.Actor]bool{}}
}

// actors are who commits to an epoch.
func (s *sequencer) actors() []feed.Actor {
	by := s.feed.cfg.Signer
	list := []feed.Actor{by.Actor(feed.Inbox, 0), by.Actor(feed.Router, 0)}
	for i := range s.feed.cfg.Shards {
		list = append(list, by.Actor(feed.Receiver, i))
	}
	for j := range s.feed.cfg.Outboxes {
		list = append(list, by.Actor(feed.Outbox, j))
	}
	return list
}

// late gives up who has not committed by the deadline.
func (s *sequencer) late() {
	for _, c := range s.closings {
		if s.seen < c.deadline {
			continue
		}
		for _, a := range s.actors() {
			if _, there := c.reports[a]; there {
				continue
			}
			c.missing[a] = true
			if a.Stage == feed.Outbox {
				s.lose(int(a.Index))
			}
		}
	}
}

// report takes a commitment; one of an epoch that is sealed comes too late and counts for nothing.
func (s *sequencer) report(r report) {
	for _, c := range s.closings {
		if c.term.Epoch == r.saw.Epoch {
			c.reports[r.saw.Actor] = r
		}
	}
}

// seal seals what can be sealed, the oldest first.
func (s *sequencer) seal(ctx context.Context) error {
	for len(s.closings) > 0 {
		c := s.closings[0]
		for _, a := range s.actors() {
			if _, there := c.reports[a]; !there && !c.missing[a] {
				return nil
			}
		}
		sealed := s.witnessed(s.build(c))
		sealed.Sign(s.feed.cfg.Signer)
		if err := s.feed.cfg.Log.Seal(ctx, sealed); err != nil {
			return fmt.Errorf("store the seal of epoch %d: %w", sealed.Epoch, err)
		}
		s.sealed, s.first, s.closings = &sealed, sealed.First+feed.Seq(sealed.Count), s.closings[1:]
		s.show()
	}
	return nil
}

// witnessed has the sequencer seal, and blames it if it seals something else than what passed it.
func (s *sequencer) witnessed(passed feed.Seal) feed.Seal {
	own := passed
	own.Commitments, own.Blames = slices.Clone(passed.Commitments), slices.Clone(passed.Blames)
	if sealed := s.feed.logic.seal(own); sealed.Hash() != passed.Hash() {
		sealed.Blames = append(sealed.Blames, feed.Blame{Actor: passed.Actor, Reason: feed.False})
		return sealed
	}
	return passed
}

// build puts together what passed.
func (s *sequencer) build(c *closing) feed.Seal {
	sealed := feed.Seal{
		Actor: s.feed.cfg.Signer.Actor(feed.Sequencer, 0), Epoch: c.term.Epoch, First: s.first,
		Version: c.term.Subscriptions.Version(), Subscriptions: c.term.Subscriptions.Hash(),
	}
	if s.sealed != nil {
		sealed.Previous = s.sealed.Hash()
	}
	if c.untimely {
		sealed.Blames = append(sealed.Blames, feed.Blame{Actor: sealed.Actor, Reason: feed.Untimely})
	}
	for _, a := range s.actors() {
		r, there := c.reports[a]
		if !there {
			sealed.Blames = append(sealed.Blames, feed.Blame{Actor: a, Reason: feed.Missing})
			continue
		}
		sealed.Commitments = append(sealed.Commitments, r.commitment)
		sealed.Blames = append(sealed.Blames, r.blames...)
		if r.commitment.InRoot() != r.saw.InRoot() || r.commitment.OutRoot() != r.saw.OutRoot() {
			sealed.Blames = append(sealed.Blames, feed.Blame{Actor: a, Reason: feed.False})
		}
		if a.Stage == feed.Inbox {
			sealed.First, sealed.Count = r.first, r.count
		}
	}
	return sealed
}
