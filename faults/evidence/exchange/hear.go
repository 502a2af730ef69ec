package exchange

import (
	"context"
	"errors"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// hearHead takes a head that somebody signed.
func (s *Service) hearHead(ctx context.Context, said Said) {
	h, err := s.hearing.Head(said.Signed) // the network has verified it
	if err != nil || h.Operator != said.By || h.Chain != s.cfg.Chain {
		s.tally.count(func(c *Counters) { c.HeadsRefused++ })
		s.cfg.Logger.Debug("A head is refused", "operator", said.By, "error", err)
		return
	}
	if h.Operator == s.self {
		s.hearOwn(ctx, h)
		return
	}
	now, member := s.cfg.Clock.Height(), s.company.now().holds(h.Operator)
	verdict, proof := s.neighbours.take(h, member, now)
	s.tally.count(func(c *Counters) { c.HeadsHeard[verdict]++ })
	switch verdict {
	case heads.Guilty:
		_, _ = s.prove(ctx, proof, chain.Operator{}) // it has said what went wrong
	case heads.Suspect:
		s.cfg.Logger.Info("An operator's head passes over one that it signed before, or begins anew: it may have lost data",
			"operator", h.Operator, "window", h.Window)
	case heads.Repeated, heads.Useless:
		return
	case heads.Fresh:
	}
	// One that contradicts another is kept as well, if it is the first of its window.
	select {
	case s.heard <- h:
	case <-ctx.Done():
	}
}

// maxHeard heads wait to be stored: those of a window of the largest circle.
const maxHeard = 256

// keepHeads stores what was heard of other operators' heads.
func (s *Service) keepHeads(ctx context.Context) {
	var fresh []evidence.Head
	store := func(ctx context.Context) {
		if err := s.cfg.Log.SaveHeads(ctx, fresh); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("Could not store heads of other operators", "heads", len(fresh), "error", err)
		}
		fresh = nil
	}
	due := time.NewTimer(s.cfg.Gather)
	defer due.Stop()
	for {
		select {
		case h := <-s.heard:
			if len(fresh) == 0 {
				due.Reset(s.cfg.Gather)
			}
			if fresh = append(fresh, h); len(fresh) >= maxHeard {
				store(ctx)
			}
		case <-due.C:
			store(ctx)
		case <-ctx.Done():
			ctx, end := context.WithTimeout(context.WithoutCancel(ctx), lastWrite) // what was heard is not to be lost by a restart
			defer end()
			for len(s.heard) > 0 && len(fresh) < maxHeard { // nobody else takes from it
				fresh = append(fresh, <-s.heard)
			}
			store(ctx)
			return
		}
	}
}

// hearOwn takes a head of this operator: our own, one of a sibling, or one that was forgotten here.
func (s *Service) hearOwn(ctx context.Context, h evidence.Head) {
	if a, made := s.Attested(h.Window); made && a.Head.ID() == h.ID() || !current(h.Window, s.cfg.Clock.Height()) {
		return
	}
	lost, err := s.cfg.Log.Lost(ctx, h)
	switch {
	case err != nil && ctx.Err() == nil:
		s.cfg.Logger.Error("Could not look after a head of this operator", "window", h.Window, "error", err)
	case lost:
		s.tally.count(func(c *Counters) { c.HeadsLost++ })
		s.cfg.Logger.Error("A head of this operator is told that is not on record here: data was lost, and the window is skipped", "window", h.Window)
	}
}

// prove keeps a proof that was found here or fetched from somebody, once it is verified against our wallets' operators, and has it
// announced. It returns its ID, or that of the proof of the same misdeed that is kept already; empty if it is refused. An error says that it
// could not be stored.
func (s *Service) prove(ctx context.Context, p evidence.Proof, from chain.Operator) (string, error) {
	now, encoded := s.cfg.Clock.Height(), p.Encode()
	if _, err := s.company.now().verify(s.cfg.Chain, encoded); err != nil || p.Slot().Window > now || len(encoded) > maxProof {
		s.tally.count(func(c *Counters) { c.ProofsRefused++ })
		s.cfg.Logger.Debug("A proof is refused", "kind", p.Kind, "about", p.Slot(), "bytes", len(encoded), "from", from, "error", err)
		return "", nil
	}
	id, first, err := s.cfg.Log.SaveProof(ctx, p, from, now)
	switch {
	case errors.Is(err, ErrEnough):
		s.tally.count(func(c *Counters) { c.ProofsRefused++ })
		s.cfg.Logger.Debug("A proof is not kept", "kind", p.Kind, "about", p.Slot(), "from", from, "error", err)
		return "", nil
	case err != nil:
		if ctx.Err() == nil {
			s.cfg.Logger.Error("Could not store a proof", "kind", p.Kind, "about", p.Slot(), "error", err)
		}
		return "", err
	case first:
		s.tally.count(func(c *Counters) { c.Proofs[p.Kind]++ })
		s.cfg.Logger.Warn("An operator has contradicted itself: there is a proof", "proof", id, "kind", p.Kind, "operator", p.Slot().Operator,
			"wallet", p.Slot().Wallet, "window", p.Slot().Window, "from", from)
		s.Proved()
	}
	return id, nil
}

// Proved tells the service that a proof may have been stored: it is announced at once.
func (s *Service) Proved() { token(s.proved) }
