package exchange

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/faults/evidence"
)

const (
	// maxWaitingQuotes messages wait to be looked into.
	maxWaitingQuotes = 256
	// maxSeenQuotes slots are remembered in which something was stored, so that repetitions cost nothing.
	maxSeenQuotes = 1 << 14
	// maxFreshQuotes wait to be stored together, quotePause at most. A crash loses them, which costs at most a proof.
	maxFreshQuotes = 1024
	quotePause     = 30 * time.Second
	// maxQuote is the most bytes of one: an announcement has some hundred, and the rest is padding. Those that wait take 20 MiB at most.
	maxQuote = 16 << 10
	// lastWrite is how long what waits may take to be stored when the node ends.
	lastWrite = 5 * time.Second
)

// Quote takes a message that was heard on a wallet's signing topic: if another operator acts on a leader's word in it, it is kept,
// to be held against what that operator attests. It returns at once; what finds no room is dropped.
func (s *Service) Quote(signed []byte) {
	if len(signed) > maxQuote {
		s.tally.count(func(c *Counters) { c.QuotesDropped++ })
		return
	}
	select {
	case s.quotes <- signed:
	default:
		s.tally.count(func(c *Counters) { c.QuotesDropped++ })
	}
}

// keepQuotes stores what Quote was given: of each operator and slot the first, and what comes within a while in one go.
func (s *Service) keepQuotes(ctx context.Context) {
	seen := map[evidence.Slot]bool{}
	var fresh []evidence.Quote
	var hearing evidence.Hearing
	store := func(ctx context.Context) {
		if err := s.cfg.Log.SaveQuotes(ctx, fresh); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("Could not store what operators said about signatures", "messages", len(fresh), "error", err)
		}
		fresh = nil
	}
	due := time.NewTimer(quotePause)
	defer due.Stop()
	for {
		select {
		case signed := <-s.quotes:
			q, err := hearing.Quote(signed)
			if err != nil || q.Operator == s.self || seen[q.Slot] || !current(q.Window, s.cfg.Clock.Height()) {
				continue // a round of a signature, a result, what is known, or about no window that counts
			}
			if w, ours := s.company.now().wallets[q.Wallet]; !ours || !w.Holds(q.Operator) {
				continue
			}
			if len(seen) >= maxSeenQuotes {
				clear(seen)
			}
			seen[q.Slot] = true
			if fresh = append(fresh, q); len(fresh) >= maxFreshQuotes {
				store(ctx)
			}
		case <-due.C:
			store(ctx)
			due.Reset(quotePause)
		case <-ctx.Done():
			ctx, end := context.WithTimeout(context.WithoutCancel(ctx), lastWrite) // what was heard is not to be lost by a restart
			defer end()
			store(ctx)
			return
		}
	}
}
