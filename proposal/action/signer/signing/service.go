package signing

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// Service carries out actions with the wallets' signer backends. An action belongs to the goroutine that its handler is called
// in; Run has what lasts longer, the topics in which a result is still told to those who come late, or waited for.
type Service struct {
	cfg  Config
	keep chan *stay // unbuffered

	mu    sync.Mutex
	after map[chain.WalletID]*stay // the newest of each wallet: its topic is closed before it is opened again
}

// New checks the configuration. Run must run for as long as handlers are called.
func New(cfg Config) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, keep: make(chan *stay), after: make(map[chain.WalletID]*stay)}, nil
}

// Handlers returns the handler of each kind. The three that take a Bitcoin node are there to say so.
func (s *Service) Handlers() map[proposal.Kind]action.Handler {
	unverifiable := action.NeedsBitcoin()
	return map[proposal.Kind]action.Handler{
		proposal.KindHeartbeat:       heartbeat{s},
		proposal.KindRedemption:      redemption{s},
		proposal.KindDepositSweep:    unverifiable,
		proposal.KindMovingFunds:     unverifiable,
		proposal.KindMovedFundsSweep: unverifiable,
	}
}

// Run keeps the topics of actions that have ended well open until their last block for signing, so that those who did not
// hear the result can ask for it, and of those that others may sign without us. It returns nil once ctx has ended and everything is closed: one goroutine per wallet that
// signed within its last 300 blocks or so, and one beside it that watches the deadline.
func (s *Service) Run(ctx context.Context) error {
	var goroutines sync.WaitGroup
	defer goroutines.Wait()
	for {
		select {
		case a := <-s.keep:
			goroutines.Go(func() { a.last(ctx, s.cfg.Clock) })
		case <-ctx.Done():
			return nil
		}
	}
}

// handOver gives a topic to Run; where that has ended the topic is closed.
func (s *Service) handOver(ctx context.Context, a *stay) {
	s.mu.Lock()
	s.after[a.wallet] = a
	s.mu.Unlock()
	select {
	case s.keep <- a:
	case <-ctx.Done():
		a.end()
	}
}

// keeps reports whether Run keeps something of a wallet that has not ended, and may still write what it hears.
func (s *Service) keeps(wallet chain.WalletID) bool {
	s.mu.Lock()
	a := s.after[wallet]
	s.mu.Unlock()
	if a == nil {
		return false
	}
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// takeBack ends what Run keeps of a wallet, whose topic is about to be opened again; false if there is nothing.
func (s *Service) takeBack(wallet chain.WalletID) bool {
	s.mu.Lock()
	a := s.after[wallet]
	delete(s.after, wallet)
	s.mu.Unlock()
	if a != nil {
		a.stop()
		<-a.ended
	}
	return a != nil
}
