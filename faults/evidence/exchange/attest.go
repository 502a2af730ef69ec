package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/wire"
)

const (
	// redrafts is how often what changes while it is drafted is drafted again.
	redrafts = 8
	// doubtPause is the pause in blocks before a window is tried again that the database is in doubt about.
	doubtPause chain.Height = 10
	// telling is for how many blocks after a window a head is repeated: 40 minutes on Ethereum.
	telling chain.Height = 200
)

// attestAll makes a head after each window, once what was heard in it is stored, and tells it.
func (s *Service) attestAll(ctx context.Context) {
	settle := duration + s.spread()
	var done chain.Height
	for {
		s.sendUnsent(ctx)
		next := done + frequency
		if h := s.cfg.Clock.Height(); h > settle {
			if window := (h - settle) / frequency * frequency; window > done {
				switch err := s.attest(ctx, window); {
				case ctx.Err() != nil:
					return
				case errors.Is(err, ErrDoubtful):
					s.tally.count(func(c *Counters) { c.HeadsSkipped++ })
					s.cfg.Logger.Warn("No head was made: data was lost, and it may have been signed before", "window", window)
					if s.pauseBlocks(ctx, h+doubtPause) != nil {
						return
					}
					continue
				case errors.Is(err, chain.ErrNotServed): // the session is over; a sibling does it, or we do when it is back
					if s.pauseBlocks(ctx, h+1) != nil {
						return
					}
					continue
				case err != nil:
					s.cfg.Logger.Error("Could not attest what was heard in a window", "window", window, "error", err)
					if wait(ctx, retry) != nil {
						return
					}
					continue
				}
				done = window
				continue
			}
			next = (h-settle)/frequency*frequency + frequency
		}
		if !s.awaitHeight(ctx, max(next, frequency)+settle) {
			return
		}
	}
}

// awaitHeight waits for a height, and sends meanwhile what is to be sent; false if ctx has ended.
func (s *Service) awaitHeight(ctx context.Context, h chain.Height) bool {
	reached, stop := context.WithCancel(ctx)
	defer stop()
	arrived := make(chan error, 1)
	go func() { arrived <- s.cfg.Clock.Until(reached, h) }()
	for {
		select {
		case err := <-arrived:
			return err == nil
		case <-s.unsent:
			s.sendUnsent(ctx)
		case <-ctx.Done():
			stop()
			return <-arrived == nil && ctx.Err() == nil
		}
	}
}

// pauseBlocks waits for a height, at least for the usual pause.
func (s *Service) pauseBlocks(ctx context.Context, h chain.Height) error {
	if err := wait(ctx, retry); err != nil {
		return err
	}
	return s.cfg.Clock.Until(ctx, h)
}

// attest makes the head of a window, unless a sibling has.
func (s *Service) attest(ctx context.Context, window chain.Height) error {
	for try := 0; ; try++ {
		made, err := s.attestOnce(ctx, window)
		if errors.Is(err, ErrStale) && try < redrafts {
			continue
		}
		if errors.Is(err, ErrAttested) {
			err = s.record.refresh(ctx)
		}
		if err != nil {
			return err
		}
		if made {
			s.tally.count(func(c *Counters) { c.HeadsMade++ })
		}
		s.closeWindow(window)
		return nil
	}
}

// attestOnce makes a head from the ledger that is kept from window to window. What is kept is what is stored: it was read with a version, or
// closed for a head that was stored with one, and whatever changes what is stored gives it another version. A draft of another version is
// none of this ledger: then it is read anew. What is drafted of the same version is stored only if the version still stands.
func (s *Service) attestOnce(ctx context.Context, window chain.Height) (made bool, err error) {
	if err := s.record.enter(ctx); err != nil {
		return false, err
	}
	defer s.record.leave()
	if err := s.cfg.Log.Recall(ctx); err != nil {
		return false, err
	}
	d, err := s.cfg.Log.Draft(ctx, window)
	if err != nil {
		return false, fmt.Errorf("draft: %w", err)
	}
	kept, newest, err := s.record.following(ctx, d.Version)
	if err != nil {
		return false, fmt.Errorf("draft: %w", err)
	}
	if newest >= window {
		return false, ErrAttested
	}
	if len(d.Wallets) == 0 || newest == 0 && len(d.New) == 0 { // a chain begins with a window that was seen
		return false, nil
	}
	ledger := kept.Clone()
	for _, e := range d.New {
		if err := ledger.Put(e); err != nil {
			return false, fmt.Errorf("draft: %w", err)
		}
	}
	below, err := ledger.Close(window, d.Wallets)
	if err != nil {
		return false, err
	}
	signed := wire.SignPubsub(s.cfg.Key, evidence.HeadsTopic, evidence.EncodeHead(below.Head), binary.BigEndian.AppendUint64(nil, uint64(window)))
	if below, err = below.With(signed.Bytes()); err != nil {
		return false, err
	}
	version, err := s.cfg.Log.Attest(ctx, d, below.Head)
	if err != nil {
		return false, fmt.Errorf("attest: %w", err)
	}
	ledger.Follow(below.Head)
	s.record.adopt(attestation{basis{ledger, window, version}, ledger, below}, d.Wallets, version)
	s.cfg.Logger.Debug("Attested what was heard in a window", "window", window, "wallets", below.Head.Wallets, "new", len(d.New))
	return true, nil
}

// closeWindow tells the loops that follow that a window is over and attested. A window that they have not taken gives way to it.
func (s *Service) closeWindow(window chain.Height) {
	for {
		select {
		case s.closed <- window:
			return
		default:
		}
		select {
		case <-s.closed:
		default:
		}
	}
}

// sendUnsent sends heads that were stored and, as far as is known, not sent.
func (s *Service) sendUnsent(ctx context.Context) {
	list, err := s.cfg.Log.Unsent(ctx)
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("Could not read which heads are to be sent", "error", err)
	}
	for _, h := range list {
		if !s.heads.say(ctx, evidence.EncodeHead(h)) {
			return
		}
		if err := s.cfg.Log.Sent(ctx, h.Window); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Error("Could not note that a head was sent", "window", h.Window, "error", err)
		}
	}
}
