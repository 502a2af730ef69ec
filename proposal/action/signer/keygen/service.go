package keygen

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Bounds of what others can make us keep, and of what runs at once.
const (
	maxPending    = 64 // invitations that the operator has not decided on; at the bound new ones are ignored
	maxStrange    = 32 // of them by inviters of whom nothing is known: anybody can make up any number of those
	maxPendingOf  = 4  // of them by one inviter
	maxRunning    = 16 // key generations that are accepted and not over; at the bound none is begun or accepted
	maxLingering  = 32 // that are over and of which others may still want to hear; at the bound the oldest are let go
	maxDocsWaited = 16 // invitations that were received and not looked at; at the bound they are dropped, and offered again
	maxSeen       = 256
)

// pruning is how often it is looked for what is over without anybody saying so.
const pruning = 5 * time.Minute

// Config is what a Service needs. Key, Log, Network, Placement, Registry, Term, Height and Logger are demanded.
type Config struct {
	Key      *secp256k1.PrivateKey // the operator's: it signs documents
	ChainID  uint64
	Genesis  chain.Hash
	Instance string // its name among those that share the log; empty if none do

	Log       Log
	Network   Network
	Placement Placement
	Registry  Registry
	Term      func(ctx context.Context) (signer.Term, error) // under which backends are asked to generate
	// Height is of the chain now; false while it is not known, or not known to be that of now.
	Height func() (chain.Height, bool)
	Logger *slog.Logger

	// Judge decides who of a pair has broken a key generation; nil leaves it a pair.
	Judge Judge
	// Known tells which operators are known to be ones, whoever they invite to; nil knows nobody.
	Known func(ctx context.Context) (map[chain.Operator]bool, error)
	// Gone reports whether an instance that shares the log does not run; nil if there are no others.
	Gone func(ctx context.Context, instance string) (bool, error)
	// RoundTime is for one round, our backend's part included; 0 is ten minutes, which large CMP wallets take. Who waits less than the
	// others fails what they would finish: it is for tests, in which blocks come faster.
	RoundTime time.Duration
}

// The times of a key generation. They are the same everywhere: an operator who waits less than the others fails what they would finish.
const (
	validity = 24 * time.Hour // how long an invitation stands open
	giveUp   = 24 * time.Hour // how long after an invitation's expiry attestations are awaited
	linger   = MaxValidity    // how long after its end others are told of a key generation
)

func (c Config) validate() error {
	if c.Key == nil || c.Log == nil || c.Network == nil || c.Placement == nil || c.Registry == nil ||
		c.Term == nil || c.Height == nil || c.Logger == nil {
		return errors.New("key generation: an operator key, a log, a network, a placement, a registry, terms, heights and a logger are needed")
	}
	return nil
}

// Service runs this operator's part in key generations. Everything that lasts is in the log; the rest is in Run's goroutines.
type Service struct {
	cfg  Config
	self chain.Operator

	begun   chan Row      // accepted rows, for Run
	offered chan []byte   // invitations that were received
	ended   chan struct{} // closed when Run returns

	inviters map[signer.SessionID]chain.Operator // of pending invitations, as far as Run's loop has read them

	deciding sync.Mutex // one decision of the operator at a time

	mu   sync.Mutex
	live map[signer.SessionID]*play // what runs here
	over []*play                    // those of them that linger, the oldest first
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg.RoundTime = cmp.Or(cfg.RoundTime, 10*time.Minute)
	return &Service{
		cfg:     cfg,
		self:    wire.PublicKeyOf(cfg.Key).Operator(),
		begun:   make(chan Row),
		offered: make(chan []byte, maxDocsWaited),
		ended:   make(chan struct{}),
		live:    map[signer.SessionID]*play{},
	}, nil
}

// Run plays our part in every key generation that is not over, until ctx ends. It is called once.
func (s *Service) Run(ctx context.Context) error {
	defer close(s.ended)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := s.resume(ctx, g); err != nil {
			return err
		}
		tick := time.NewTicker(pruning)
		defer tick.Stop()
		seen := map[signer.Digest]bool{}
		for {
			select {
			case row := <-s.begun:
				s.start(ctx, g, row)
			case doc := <-s.offered:
				if hash := BundleHash(doc); !seen[hash] { // peers offer the same ones again and again
					if len(seen) == maxSeen {
						clear(seen)
					}
					seen[hash] = s.consider(ctx, doc)
				}
			case <-tick.C:
				s.prune(ctx, g)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil
	}
	return err
}

// resume takes up what an earlier run of this instance left.
func (s *Service) resume(ctx context.Context, g *errgroup.Group) error {
	var rows []Row
	err := s.persist(ctx, "read key generations", func(ctx context.Context) error {
		var err error
		rows, err = s.cfg.Log.Keygens(ctx)
		return err
	})
	if err != nil {
		return err
	}
	lingering := 0
	for _, row := range rows { // the newest first
		ours := row.Instance == s.cfg.Instance
		switch {
		case ours && row.State.Open() && row.State != Invited:
			s.start(ctx, g, row)
		case ours && s.lingers(row) && lingering < maxLingering:
			lingering++
			s.start(ctx, g, row)
		case ours && row.State == Failed && row.Wallet == (chain.WalletID{}):
			// The process may have died between the end and this.
			if err := s.cfg.Placement.Abandon(ctx, row.Session); err != nil && ctx.Err() == nil {
				s.cfg.Logger.WarnContext(ctx, "Assignment of a failed key generation stays", "session", row.Session, "error", err)
			}
		}
	}
	return nil
}

// lingers reports whether others may still want to hear of a key generation that is over here.
func (s *Service) lingers(row Row) bool {
	return (row.State == Active || row.State == Failed && row.Wallet != chain.WalletID{}) && time.Since(row.Changed) < linger
}

// keep lets a play linger. At the bound the oldest one is let go.
func (s *Service) keep(p *play) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.over) == maxLingering {
		close(s.over[0].enough)
		s.over = s.over[1:]
	}
	s.over = append(s.over, p)
}

// leave ends a play's place among those that linger.
func (s *Service) leave(p *play) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = slices.DeleteFunc(s.over, func(q *play) bool { return q == p })
}

// start plays our part in one key generation, unless it is being played.
func (s *Service) start(ctx context.Context, g *errgroup.Group, row Row) {
	inv, err := ReadInvitation(row.Invitation)
	if err != nil {
		s.cfg.Logger.ErrorContext(ctx, "Stored invitation cannot be read", "session", row.Session, "error", err)
		return
	}
	p := newPlay(s, inv, row)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live[row.Session] != nil {
		return
	}
	s.live[row.Session] = p
	g.Go(func() error {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.live, row.Session)
		}()
		p.run(ctx)
		return nil // one session's trouble is no other's
	})
}

// persist calls f until it succeeds: the log may be away for a while. What is in another state than it was thought to be is
// not tried again.
func (s *Service) persist(ctx context.Context, what string, f func(ctx context.Context) error) error {
	for told := false; ; told = true {
		err := f(ctx)
		if err == nil || errors.Is(err, ErrOtherState) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !told {
			s.cfg.Logger.WarnContext(ctx, "Key generations wait for the store", "doing", what, "error", err)
		}
		if err := pause.For(ctx, time.Second); err != nil {
			return err
		}
	}
}
