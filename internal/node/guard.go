package node

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/shared"
	"github.com/walletnode/walletnode/net"
)

// The paces of a guard.
const (
	// patience is how long a message in our name may be unknown before a wallet is stopped for it. A sibling stores what it
	// says before it says it, so that it is known at once; the time is for a look that crosses a database's failover.
	patience = 3 * time.Second
	// relook is the time between two looks at what is not known.
	relook = 500 * time.Millisecond
	// maxSuspects bounds what is looked into at a time: two statements of two windows for 2000 wallets. What is beyond is
	// left out, and the wallets that are stopped by then tell enough.
	maxSuspects = 8192
)

// guardConfig is what a guard needs; every field is required.
type guardConfig struct {
	Instance string
	// Own reads what the shared store has of this operator's words.
	Own func(ctx context.Context, wallet chain.WalletID, window chain.Height) (coordination.OwnProposal, bool, error)
	// Sent reports whether this instance itself said it, by its own journal: the database may have forgotten.
	Sent func(m net.Message) bool
	// Doubt reports that siblings may still have to put back what the database forgot, as far as was seen since a moment.
	Doubt func(since time.Time) bool
	// Over reports that a window has ended.
	Over  func(window chain.Height) bool
	Halt  func(ctx context.Context, h shared.Halt) error
	Halts *halts
	// Alarm is told of each wallet that is stopped.
	Alarm func()
	// Timeout is how long one request is waited for.
	Timeout time.Duration
	Logger  *slog.Logger
}

// guard listens for words in this operator's name that none of his instances said: somebody else has the key. Such a
// wallet is stopped, here at once and then on all instances, until a person lets it go on.
type guard struct {
	cfg   guardConfig
	woken chan struct{} // capacity 1: a nudge that finds one waiting is the same nudge

	mu       sync.Mutex
	suspects map[word]*suspect
}

// word is one statement.
type word struct {
	wallet chain.WalletID
	window chain.Height
	digest [32]byte
}

// suspect is a statement that is looked into.
type suspect struct {
	message net.Message
	heard   time.Time
	// Owned by Run's loop:
	unknown   bool      // looked for, and not found
	missing   time.Time // when the database had answered for the first time that it has no such words; zero before
	convicted bool      // nobody of us said it
}

func newGuard(cfg guardConfig) *guard {
	return &guard{cfg: cfg, woken: make(chan struct{}, 1), suspects: make(map[word]*suspect)}
}

// heard takes a message that our operator signed and this instance did not send. It returns at once.
func (g *guard) heard(m net.Message) {
	at := word{m.Wallet, m.Window, m.Digest}
	g.mu.Lock()
	if _, known := g.suspects[at]; !known && len(g.suspects) < maxSuspects {
		g.suspects[at] = &suspect{message: m, heard: time.Now()}
	}
	g.mu.Unlock()
	select {
	case g.woken <- struct{}{}:
	default:
	}
}

// Run looks into what was heard until ctx ends, and returns nil.
func (g *guard) Run(ctx context.Context) error {
	suspended := make(map[chain.WalletID]bool)
	timer := time.NewTimer(relook)
	defer timer.Stop()
	for {
		timer.Stop()
		if g.pass(ctx, suspended) {
			timer.Reset(relook)
		}
		select {
		case <-g.woken:
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// pass looks into every suspect once, and reports whether some are left. Their wallets are suspended, and those of whom none
// is left any more go on.
func (g *guard) pass(ctx context.Context, suspended map[chain.WalletID]bool) (left bool) {
	doubtful := make(map[chain.WalletID]bool)
	for at, s := range g.list() {
		if ctx.Err() != nil {
			return false
		}
		if g.settle(ctx, s) {
			g.mu.Lock()
			delete(g.suspects, at)
			g.mu.Unlock()
			continue
		}
		doubtful[at.wallet], suspended[at.wallet], left = true, true, true
	}
	for wallet := range suspended {
		if !doubtful[wallet] {
			delete(suspended, wallet)
			g.cfg.Halts.release(wallet)
		}
	}
	return left
}

func (g *guard) list() map[word]*suspect {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := make(map[word]*suspect, len(g.suspects))
	for at, s := range g.suspects {
		all[at] = s
	}
	return all
}

// settle looks into one statement and reports whether nothing is left to be done about it.
func (g *guard) settle(ctx context.Context, s *suspect) bool {
	m := s.message
	if !s.convicted {
		if g.cfg.Over(m.Window) {
			if s.unknown {
				g.cfg.Logger.Warn("It was not found out who spoke in our name before the window ended", "wallet", m.Wallet, "window", m.Window)
			}
			return true
		}
		known, err := g.known(ctx, m)
		if known {
			return true
		}
		s.unknown = true
		if err == nil && s.missing.IsZero() {
			s.missing = time.Now()
		}
		if err != nil || time.Since(s.heard) < patience || g.cfg.Doubt(s.missing) {
			g.cfg.Halts.suspend(m.Wallet, "a message in this operator's name is being looked into")
			return false
		}
		s.convicted = true
		g.cfg.Alarm()
		g.cfg.Logger.Error("Somebody else speaks with this operator's key: the wallet is stopped on all instances until it is resumed (walletnode wallets resume)",
			"wallet", m.Wallet, "window", m.Window, "digest", fmt.Sprintf("%x", m.Digest))
	}
	return g.halt(ctx, m)
}

// known reports whether one of our instances said it.
func (g *guard) known(ctx context.Context, m net.Message) (bool, error) {
	request, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	own, found, err := g.cfg.Own(request, m.Wallet, m.Window)
	if err != nil {
		return false, err
	}
	if found {
		slot, err := inspect(own.Payload)
		if err == nil && slot.Digest == m.Digest {
			return true, nil
		}
	}
	return g.cfg.Sent(m), nil
}

// halt stops a wallet: here at once, and on all instances as soon as the database takes it.
func (g *guard) halt(ctx context.Context, m net.Message) bool {
	h := shared.Halt{
		Wallet: m.Wallet, Window: m.Window, By: g.cfg.Instance,
		Reason: fmt.Sprintf("somebody else spoke with the operator's key in window %d", m.Window),
	}
	g.cfg.Halts.stop(m.Wallet, h.Reason)
	request, cancel := context.WithTimeout(ctx, g.cfg.Timeout)
	defer cancel()
	if err := g.cfg.Halt(request, h); err != nil {
		if ctx.Err() == nil {
			g.cfg.Logger.Error("Could not stop the wallet on the other instances; it is tried again", "wallet", m.Wallet, "error", err)
		}
		return false
	}
	g.cfg.Halts.stored(m.Wallet)
	return true
}
