package exchange

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// fetchTime is how long one proof may take.
const fetchTime = 10 * time.Second

// fetchAll fetches one proof after the other. Who does not give what it told of is not asked again in the same window.
func (s *Service) fetchAll(ctx context.Context) {
	mute, since := map[chain.Operator]bool{}, chain.Height(0)
	for {
		w, more := s.wants.next(ctx)
		if !more {
			return
		}
		if window := s.cfg.Clock.Height() / frequency; window != since {
			since = window
			clear(mute)
		}
		if mute[w.by] {
			continue
		}
		if here, err := s.holds(ctx, w.id, w.by); here || err != nil {
			continue // it came from somebody else meanwhile; without an answer of the log it is told again after the next window
		}
		kept, err := s.fetch(ctx, w)
		if err != nil {
			if ctx.Err() == nil {
				s.cfg.Logger.Info("A proof that an operator told of could not be had", "proof", w.id, "operator", w.by, "error", err)
			}
			mute[w.by] = true
			continue
		}
		if kept != w.id { // one of the same misdeed was here, or it is of no use: the answer stays the same
			s.wants.remember(w.id, kept)
		}
		if kept != "" && s.acknowledge(w.id) {
			s.Proved()
		}
	}
}

// fetch asks for a proof and keeps it. It returns the ID under which the misdeed is proved here; empty for a proof that is refused.
func (s *Service) fetch(ctx context.Context, w want) (kept string, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	line, err := s.cfg.Network.Inquire(ctx, ProofProtocol, w.by)
	if err != nil {
		return "", err
	}
	defer line.Close()
	data, err := line.Ask(ctx, rawID(w.id))
	if err != nil {
		return "", err
	}
	p, err := s.company.now().verify(s.cfg.Chain, data)
	// Who was away for long is told of windows that are long over: the log bounds how many of those it keeps.
	if err == nil && (p.ID() != w.id || len(data) > maxProof || p.Slot().Window > s.cfg.Clock.Height()) {
		err = errors.New("it is another one, too long, or of a window that is not yet")
	}
	if err != nil {
		s.tally.count(func(c *Counters) { c.ProofsRefused++ })
		s.cfg.Logger.Warn("A proof that an operator told of is none", "proof", w.id, "operator", w.by, "error", err)
		return "", nil
	}
	if kept, err = s.prove(ctx, p, w.by); kept == "" {
		return "", err
	}
	if _, err := s.cfg.Log.Holds(ctx, kept, w.by); err != nil {
		return "", fmt.Errorf("note who has it: %w", err)
	}
	return kept, nil
}

// answerProof gives a proof to an operator who shares the wallet.
func (s *Service) answerProof(ctx context.Context, by chain.Operator, request []byte) ([]byte, error) {
	if len(request) != idSize {
		return nil, fmt.Errorf("a proof's ID has %d bytes, not %d", idSize, len(request))
	}
	p, err := s.cfg.Log.Proof(ctx, hex.EncodeToString(request))
	switch {
	case errors.Is(err, ErrUnknown):
		return nil, ErrUnknown
	case err != nil:
		return nil, errors.New("proofs cannot be read here now: come again later")
	}
	w, ours := s.company.now().wallets[p.Slot.Wallet]
	if !s.company.now().holds(by) || ours && !w.Holds(by) {
		return nil, ErrUnknown // the operators of other wallets are none of its business
	}
	s.tally.count(func(c *Counters) { c.Answers++ })
	return p.Encoded, nil
}
