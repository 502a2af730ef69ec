package pipeline

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net/feed"
)

// sequencer ends epochs with their windows and seals them, in order. It waits for nobody but the log. What it does is seen by the link on
// either side of it, which is no part of it: the one sees the heights, the other the commitments on their way to the seal.
type sequencer struct {
	feed    *Feed
	orders  chan<- order
	reports <-chan report
	rejoins <-chan rejoin

	term     Term // the open epoch
	open     bool
	wanted   *feed.Subscriptions // from the next epoch on
	untimely bool                // the open epoch was begun or is ended at another height than its window's
	lost     map[feed.Actor]bool // outboxes that will not commit to the open epoch
	closings []*closing
	waiting  []order // for the inbox
	outboxes roll
	last     chain.Height
	seen     uint64 // heights that were higher than all before: a jump counts as one, for the stages had no more time
	sealed   *feed.Seal
	first    feed.Seq
}

func newSequencer(f *Feed, s State, queues []*queue, orders chan<- order, reports <-chan report, rejoins <-chan rejoin) *sequencer {
	q := &sequencer{
		feed: f, orders: orders, reports: reports, rejoins: rejoins, sealed: s.Sealed, first: s.First,
		outboxes: newRoll(queues), lost: map[feed.Actor]bool{},
	}
	q.wanted, _ = feed.NewSubscriptions(0, nil) // nobody is a version, too
	for i, t := range s.Terms {
		if i+1 < len(s.Terms) {
			q.closings = append(q.closings, q.closing(t))
		} else {
			q.term, q.open, q.wanted = t, true, t.Subscriptions
		}
	}
	q.show()
	return q
}

func (s *sequencer) run(ctx context.Context, heights <-chan chain.Height) error {
	for {
		var orders chan<- order
		var next order
		if len(s.waiting) > 0 {
			orders, next = s.orders, s.waiting[0]
		}
		var err error
		select {
		case h, more := <-heights:
			if !more {
				heights = nil // the chain is silent: the epoch stays open
				continue
			}
			err = s.height(ctx, h)
		case orders <- next:
			s.waiting = s.waiting[1:]
		case r := <-s.reports:
			s.report(r)
			err = s.seal(ctx)
		case j := <-s.rejoins:
			s.outboxes.rejoin(j)
		case r := <-s.feed.subscriptions:
			s.subscribe(r)
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// height ends the epochs whose windows are over, and gives up who is late. A height that goes back changes nothing.
func (s *sequencer) height(ctx context.Context, h chain.Height) error {
	if h <= s.last && s.seen > 0 {
		return nil
	}
	s.last = h
	s.seen++
	now, right := s.feed.logic.due(h, s.feed.cfg.WindowBlocks), due(h, s.feed.cfg.WindowBlocks)
	if !s.open {
		first := now
		if s.sealed != nil { // after a loss: every epoch has a seal
			first = s.sealed.Epoch + 1
		}
		if first > now { // the chain was put back, too
			return nil
		}
		if err := s.turn(ctx, first); err != nil {
			return err
		}
		s.untimely = first > right
	}
	for s.term.Epoch < now { // one at a time: an empty epoch has a seal, too
		s.untimely = s.untimely || s.term.Epoch >= right
		if err := s.turn(ctx, s.term.Epoch+1); err != nil {
			return err
		}
	}
	s.untimely = s.untimely || s.term.Epoch < right
	for _, j := range s.outboxes.stalled(s.seen, s.feed.cfg.Patience) {
		s.lose(j)
	}
	s.late()
	return s.seal(ctx)
}

// turn opens an epoch and tells the inbox; what was open is being closed from now on.
func (s *sequencer) turn(ctx context.Context, e feed.Epoch) error {
	next := Term{Epoch: e, Subscriptions: s.wanted}
	if err := s.feed.cfg.Log.Open(ctx, next); err != nil {
		return fmt.Errorf("open epoch %d: %w", e, err)
	}
	if s.open {
		c := s.closing(s.term)
		c.missing, c.untimely = s.lost, s.untimely
		s.closings = append(s.closings, c)
	}
	s.lost, s.untimely = map[feed.Actor]bool{}, false
	queues := s.outboxes.present()
	for j, q := range queues {
		if q == nil {
			s.lost[s.outbox(j)] = true
		}
	}
	o := order{next: next, queues: queues}
	if s.sealed != nil {
		o.sealed = s.sealed.Epoch + 1
	}
	s.waiting = append(s.waiting, o)
	s.term, s.open = next, true
	s.show()
	return nil
}

func (s *sequencer) show() { s.feed.show(Now{Open: s.open, Term: s.term, Sealed: s.sealed}) }

func (s *sequencer) outbox(j int) feed.Actor { return s.feed.cfg.Signer.Actor(feed.Outbox, j) }

// lose stops sending to an outbox. It commits to nothing until it has joined again.
func (s *sequencer) lose(j int) {
	if !s.outboxes.lose(j) {
		return
	}
	s.lost[s.outbox(j)] = true
	for _, c := range s.closings {
		c.missing[s.outbox(j)] = true
	}
}
