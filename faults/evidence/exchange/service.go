package exchange

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/pause"
	"github.com/walletnode/walletnode/internal/wire"
)

var wait = pause.For

// frequency is the distance between windows in blocks, duration how long one lasts: active and passive phase (RFC 12).
const (
	frequency chain.Height = 900
	duration  chain.Height = 100
)

// Clock is the chain's height; a chain.Clock is one.
type Clock interface {
	Height() chain.Height
	Until(ctx context.Context, h chain.Height) error
}

// Config is what a Service needs; fields without a default are required.
type Config struct {
	Chain uint64                // chain ID
	Key   *secp256k1.PrivateKey // the operator's
	// Instance tells the operator's instances apart, so that not all of them do the same thing at one block; empty of the only one.
	Instance string
	Clock    Clock
	Log      Log
	Network  Network
	// Wallets returns those in which the operator holds a seat now.
	Wallets func(ctx context.Context) ([]chain.Wallet, error)
	Logger  *slog.Logger

	// Few is with how many others a history is compared after each window. Default 8.
	Few int
	// Gather is for how long a head that was heard waits for others, to be stored together: all tell theirs within some minutes. What a
	// crash loses meanwhile its operator repeats. Default 10 seconds.
	Gather time.Duration
}

const (
	defaultFew    = 8
	defaultGather = 10 * time.Second
	// patience is how long one comparison may take, and storing what it found.
	patience = time.Minute
	// retry is the pause after a failure of the log, of the network or of the registry.
	retry = 5 * time.Second
	// lookout is the time between two looks at whom a wallet is shared with.
	lookout = 10 * time.Second
)

// Service makes this operator's heads and tells them, hears those of others, compares histories, and keeps what is proved. Many
// instances of an operator run one each on one Log: of a window only one of them makes the head.
type Service struct {
	cfg        Config
	self       chain.Operator
	heads      *voice
	news       *voice
	tally      *tally
	company    *company
	record     *record
	wants      *wants
	neighbours *neighbours

	closed  chan chain.Height  // of which a head was made or taken over; the newest one, capacity 1
	unsent  chan struct{}      // a token: heads may be there to be sent
	proved  chan struct{}      // a token: proofs or acknowledgements may be there to be announced
	quotes  chan []byte        // messages that may be quotes; at the bound what is new is dropped
	heard   chan evidence.Head // heads of others to be stored; at the bound who hears waits
	hearing evidence.Hearing   // of who hears heads

	mu   sync.Mutex      // guards acks
	acks map[string]bool // proofs that others told of since the last window and that are here; at most maxTold
}

// New makes a Service. Nothing runs before Run.
func New(cfg Config) (*Service, error) {
	if cfg.Chain == 0 || cfg.Key == nil || cfg.Clock == nil || cfg.Log == nil || cfg.Network == nil || cfg.Wallets == nil || cfg.Logger == nil {
		return nil, errors.New("exchange of evidence: it needs a chain, a key, a clock, a log, a network, the wallets and a logger")
	}
	if cfg.Few == 0 {
		cfg.Few = defaultFew
	}
	if cfg.Gather == 0 {
		cfg.Gather = defaultGather
	}
	self, shared := wire.PublicKeyOf(cfg.Key).Operator(), newCompany(cfg.Wallets)
	return &Service{
		cfg: cfg, self: self,
		heads:      newVoice(cfg.Network, Conversation{Name: evidence.HeadsTopic, MaxMessage: maxHead, PerOperator: 16, Repeat: repeatPause, Memory: headMemory}, cfg.Logger),
		news:       newVoice(cfg.Network, Conversation{Name: ProofsTopic, MaxMessage: maxNews, PerOperator: 32, Repeat: repeatPause}, cfg.Logger),
		tally:      newTally(),
		company:    shared,
		record:     newRecord(cfg.Log, cfg.Chain, self, shared),
		wants:      newWants(),
		neighbours: newNeighbours(cfg.Chain),

		closed: make(chan chain.Height, 1),
		unsent: make(chan struct{}, 1),
		proved: make(chan struct{}, 1),
		quotes: make(chan []byte, maxWaitingQuotes),
		heard:  make(chan evidence.Head, maxHeard),

		acks: map[string]bool{},
	}, nil
}

// Run exchanges evidence until ctx ends; then everything it started has ended, and it returns nil.
func (s *Service) Run(ctx context.Context) error {
	if err := s.begin(ctx); err != nil {
		return nil //nolint:nilerr // only ctx ends it
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, loop := range []func(context.Context){
		s.follow, s.attestAll, s.compareAll, s.announceAll, s.fetchAll, s.keepQuotes, s.keepHeads,
		func(ctx context.Context) { s.heads.run(ctx, s.company.others, s.hearHead, func() { token(s.unsent) }) },
		func(ctx context.Context) { s.news.run(ctx, s.company.others, s.hearNews, func() {}) },
	} {
		g.Go(func() error {
			loop(ctx)
			return nil
		})
	}
	return g.Wait()
}

// begin reads what was known before, until it can be read.
func (s *Service) begin(ctx context.Context) error {
	if err := s.cfg.Clock.Until(ctx, 1); err != nil {
		return err
	}
	return s.persist(ctx, "Could not read what was attested before", func() error {
		if err := s.company.look(ctx); err != nil {
			return err
		}
		if err := s.record.refresh(ctx); err != nil {
			return err
		}
		now := s.cfg.Clock.Height()
		heard, err := s.cfg.Log.HeadsFrom(ctx, oldest(now))
		if err != nil {
			return err
		}
		s.neighbours.recall(heard, s.company.now(), now)
		return nil
	})
}

// follow keeps the circle true.
func (s *Service) follow(ctx context.Context) {
	for wait(ctx, lookout) == nil {
		if err := s.persist(ctx, "Could not read with whom wallets are shared", func() error { return s.company.look(ctx) }); err != nil {
			return
		}
	}
}

// persist tries again until it succeeds or ctx ends, and tells the first failure.
func (s *Service) persist(ctx context.Context, failure string, try func() error) error {
	for told := false; ; {
		err := try()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !told:
			s.cfg.Logger.Error(failure, "error", err)
			told = true
		}
		if err := wait(ctx, retry); err != nil {
			return err
		}
	}
}

// Attested implements compare.Attestations.
func (s *Service) Attested(window chain.Height) (*heads.Attested, bool) { return s.record.of(window) }

// oldest is the first window that still counts at a height.
func oldest(now chain.Height) chain.Height {
	const span = evidence.Span * frequency
	if now <= span {
		return frequency
	}
	return (now-span)/frequency*frequency + frequency
}

// current reports whether a window is over at a height, and is among the last ones.
func current(window, now chain.Height) bool { return window <= now && window >= oldest(now) }

// token leaves a token, of which one is enough.
func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// spread is how many blocks after a window this instance begins, 2 to 7: what is stored of the window is stored by then.
func (s *Service) spread() chain.Height {
	digest := sha256.Sum256(append(s.self[:], s.cfg.Instance...))
	return 2 + chain.Height(digest[0])%6
}
