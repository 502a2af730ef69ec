package instance

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// release moves a mailbox away that has left: all that it had here is sealed.
func (s *steward) release(ctx context.Context, mailbox, to string) error {
	left, there, err := s.leftIn(ctx, s.feed.Now(), mailbox)
	if err != nil || !there {
		return err
	}
	stand, whole, err := pipeline.Left(ctx, s.log, mailbox, left, pipeline.DefaultOutboxes)
	if err != nil || !whole {
		return err
	}
	h := handover(mailbox, s.name, to, stand)
	if err := h.Release(s.cfg.Signer); err != nil {
		return err
	}
	if err := s.cfg.Ledger.Move(ctx, h, nil); err != nil {
		return err
	}
	s.cfg.Logger.Info("Mailbox handed over", "mailbox", mailbox, "to", to, "number", h.Number, "epoch", h.Epoch)
	return nil
}

func handover(mailbox, from, to string, stand pipeline.Stand) feed.Handover {
	return feed.Handover{
		Mailbox: mailbox, From: from, To: to, Number: stand.Number, Head: stand.Head,
		Sealed: stand.Sealed, Epoch: stand.Epoch, Positions: stand.Positions,
	}
}

// fetch prepares for a mailbox that is wished here: it says from when on it is arriving, and takes it from an instance that is gone.
func (s *steward) fetch(ctx context.Context, mailbox, home string, wish Wish) error {
	now := s.feed.Now()
	asked := slices.ContainsFunc(s.asked, func(m feed.Subscription) bool { return m.Mailbox == mailbox && m.Arriving })
	if earlier, err := s.arrivedEarlier(ctx, now, mailbox); err != nil || earlier || !asked {
		return err
	}
	sub, there := subscription(now, mailbox)
	if !wish.Ready {
		from := s.from
		if there && sub.Arriving {
			from = now.Term.Epoch
		}
		if !now.Open || from == 0 {
			return nil
		}
		return s.cfg.Ledger.Ready(ctx, mailbox, s.name, from)
	}
	if !there || !sub.Arriving { // at the end of an epoch, not in the middle of one
		return nil
	}
	if lives, err := s.cfg.Ledger.Lives(ctx, home); err != nil || lives {
		return err
	}
	came, err := s.came(ctx, mailbox)
	if err != nil {
		return err
	}
	stand, err := pipeline.Abandoned(ctx, s.cfg.Ledger.Log(home), mailbox, came, pipeline.DefaultShards, pipeline.DefaultOutboxes)
	if err != nil {
		return err
	}
	if err := s.cfg.Ledger.Move(ctx, handover(mailbox, home, s.name, stand), stand.Tail); err != nil {
		return err
	}
	s.cfg.Logger.Warn("Mailbox taken over from an instance that is gone", "mailbox", mailbox, "from", home, "number", stand.Number)
	return nil
}

// settle goes on with a mailbox that came here: it is signed for, and gets what it lacks.
func (s *steward) settle(ctx context.Context, mailbox string) error {
	now := s.feed.Now()
	sub, there := subscription(now, mailbox)
	if !there || !sub.Arriving || s.admitted[mailbox] {
		return nil
	}
	first, known, err := s.since(ctx, now.Term.Epoch, arriving(mailbox))
	if err != nil {
		return err
	}
	moves, err := s.cfg.Ledger.Moves(ctx, mailbox)
	if err != nil {
		return err
	}
	n := len(moves)
	if n > 0 && moves[n-1].Handover.Loss() { // it may have been arriving when data was lost
		first = max(first, moves[n-1].Handover.First())
	}
	var positions []feed.Position
	if n > 0 && (!moves[n-1].Taken || moves[n-1].Handover.First() == first || !known) {
		h, ready, err := s.take(ctx, now, lastCrossing(moves), first, known)
		if err != nil || !ready {
			return err
		}
		positions, first = h.Positions, h.First()
	} else { // it was left out for an instance that did not take it
		left, there, err := s.since(ctx, first-1, without(mailbox))
		if err != nil || !there {
			return err
		}
		stand, whole, err := pipeline.Left(ctx, s.log, mailbox, left, pipeline.DefaultOutboxes)
		if err != nil || !whole {
			return err
		}
		positions = stand.Positions
	}
	if err := s.feed.Admit(ctx, mailbox, positions, first); err != nil {
		return err
	}
	s.admitted[mailbox] = true
	s.cfg.Logger.Info("Mailbox goes on here", "mailbox", mailbox, "epoch", first)
	return nil
}

// take signs for a mailbox that another instance had; false as long as the epoch before its first one here is not sealed.
func (s *steward) take(ctx context.Context, now pipeline.Now, m Moved, first feed.Epoch, known bool) (feed.Handover, bool, error) {
	h := m.Handover
	if m.Taken {
		return h, true, nil
	}
	if known { // else it has been arriving since the first epoch of all
		if now.Sealed == nil || now.Sealed.Epoch+1 < first {
			return h, false, nil
		}
		seal, err := s.sealOf(ctx, first-1)
		if err != nil || seal == nil {
			return h, false, err
		}
		h.Follows, h.Before, h.Previous = true, seal.Epoch, seal.Hash()
	}
	var err error
	if h.Lost, err = s.lost(ctx, h.Positions); err != nil {
		return h, false, err
	}
	if err := h.Take(s.cfg.Signer); err != nil {
		return h, false, err
	}
	h, err = s.cfg.Ledger.Take(ctx, h.Mailbox, m.Number, h)
	return h, err == nil, err
}

func (s *steward) sealOf(ctx context.Context, e feed.Epoch) (*feed.Seal, error) {
	seal, err := s.log.FirstSeal(ctx)
	if err == nil && seal != nil && seal.Epoch < e {
		seal, err = s.log.NextSeal(ctx, e-1)
	}
	if err != nil {
		return nil, fmt.Errorf("read seal: %w", err)
	}
	if seal == nil || seal.Epoch != e {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	return seal, nil
}

// lost tells which items after positions this instance does not have: it began later, or has collected them.
func (i *Instance) lost(ctx context.Context, after []feed.Position) (lost []feed.Position, err error) {
	state, err := i.log.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the feed's state: %w", err)
	}
	begins := map[string]uint64{}
	for from := feed.Seq(1); ; {
		page, err := i.log.Records(ctx, from, factsPage)
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		if len(page) == 0 {
			break
		}
		for _, rec := range page {
			if _, seen := begins[rec.Item.Source]; !seen {
				begins[rec.Item.Source] = rec.Item.Number
			}
			from = rec.Seq + 1
		}
	}
	for source, last := range state.Sources {
		if feed.IsEcho(source) {
			continue
		}
		if first, kept := begins[source]; kept {
			last = first - 1
		}
		if last > feed.PositionOf(after, source) && !feed.BeginsSeries(last+1) { // where the series before it ended nobody knows
			lost = append(lost, feed.Position{Source: source, Number: last})
		}
	}
	slices.SortFunc(lost, func(a, b feed.Position) int { return cmp.Compare(a.Source, b.Source) })
	return lost, nil
}
