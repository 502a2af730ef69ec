package exchange

import (
	"context"

	"github.com/walletnode/walletnode/faults/evidence"
)

const (
	// maxWaitingQuotes messages wait to be looked into.
	maxWaitingQuotes = 256
	// maxSeenQuotes slots are remembered in which something was stored, so that repetitions cost nothing.
	maxSeenQuotes = 1 << 14
)

// Quote takes a message that was heard on a wallet's signing topic: if another operator acts on a leader's word in it, it is kept,
// to be held against what that operator attests. It returns at once; what finds no room is dropped.
func (s *Service) Quote(signed []byte) {
	select {
	case s.quotes <- signed:
	default:
		s.count(func(c *Counters) { c.QuotesDropped++ })
	}
}

// keepQuotes stores what Quote was given.
func (s *Service) keepQuotes(ctx context.Context) {
	seen := map[evidence.Slot]bool{}
	for {
		var signed []byte
		select {
		case signed = <-s.quotes:
		case <-ctx.Done():
			return
		}
		q, err := evidence.ReadQuote(signed)
		if err != nil || q.Operator == s.self || seen[q.Slot] || !current(q.Window, s.cfg.Clock.Height()) {
			continue // a round of a signature, a result, what is known, or about no window that counts
		}
		if w, ours := s.company().wallets[q.Wallet]; !ours || !w.Holds(q.Operator) {
			continue
		}
		if err := s.cfg.Log.SaveQuote(ctx, q); err != nil {
			if ctx.Err() == nil {
				s.cfg.Logger.Error("Could not store what an operator said about a signature", "about", q.Slot, "error", err)
			}
			continue
		}
		if len(seen) >= maxSeenQuotes {
			clear(seen)
		}
		seen[q.Slot] = true
	}
}
