package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// Channel is the wallet's broadcast channel.
type Channel interface {
	// Take returns, in order of arrival, and removes what has arrived for a window; it never blocks.
	Take(window chain.Height) []net.Message
	// Arrived returns a channel that is closed at the next arrival; take it before calling Take.
	Arrived() <-chan struct{}
	// Return puts messages back that were taken and could not be written down, so that who serves the wallet next takes
	// them again, in the same order. They count as arrived when they did.
	Return(window chain.Height, messages []net.Message)
	// Seal puts a coordination message into the operator's envelope.
	Seal(payload []byte, sequence uint64) ([]byte, error)
	// Publish signs and broadcasts an envelope once. chain.ErrNotServed says that this instance may not speak for the
	// wallet, and sent nothing.
	Publish(ctx context.Context, envelope []byte) error
	// Sight tells how much of the wallet's group is in view.
	Sight() net.Sight
	// Mismatched reports whether an operator showed other protocol parameters or another roster than ours.
	Mismatched(op chain.Operator) bool
}

// Generator makes a leader's proposals.
type Generator interface {
	// Generate returns the proposal of one kind, nil if there is nothing to do, or why it could not be made.
	Generate(ctx context.Context, kind proposal.Kind, r proposal.Request) (proposal.Proposal, error)
}

// Validator judges proposals against the chain.
type Validator interface {
	Validate(ctx context.Context, wallet chain.WalletID, p proposal.Proposal) proposal.Verdict
}

// Config is what an Executor needs; every field but Electorate and Banned is required.
type Config struct {
	Wallet chain.Wallet
	// Electorate is the wallet's, as kept from earlier windows; the zero value has it derived anew.
	Electorate Electorate
	Self       chain.Operator // the operator this node speaks for; it holds a seat of the wallet
	Clock      *chain.Clock
	Headers    coordination.Headers // serves the seed block; chain.ErrNoQuorum makes the node abstain
	Channel    Channel
	Journal    coordination.Journal
	Generator  Generator
	Validator  Validator
	// Banned reports whether an operator's messages are dropped here; nil if nobody's are.
	Banned func(op chain.Operator) bool
	Logger *slog.Logger
}

// Executor coordinates one wallet. It implements coordination.Executor.
type Executor struct{ Config }

// New checks the configuration.
func New(cfg Config) (*Executor, error) {
	if cfg.Clock == nil || cfg.Headers == nil || cfg.Channel == nil || cfg.Journal == nil ||
		cfg.Generator == nil || cfg.Validator == nil || cfg.Logger == nil {
		return nil, errors.New("executor: a dependency is missing")
	}
	if !cfg.Wallet.Holds(cfg.Self) {
		return nil, fmt.Errorf("executor: operator %s holds no seat of wallet %s", cfg.Self, cfg.Wallet.ID())
	}
	if cfg.Electorate.sorted == nil {
		cfg.Electorate = NewElectorate(cfg.Wallet.Roster())
	}
	if cfg.Banned == nil {
		cfg.Banned = func(chain.Operator) bool { return false }
	}
	return &Executor{Config: cfg}, nil
}

// Coordinate implements coordination.Executor: leader and checklist from the seed, then the leader's or the
// follower's part until the active phase ends, one Result, and Amendments until the window ends.
func (e *Executor) Coordinate(ctx context.Context, w coordination.Window, openedAt chain.Height, reports chan<- coordination.Report) {
	p, ctx := e.newProcedure(ctx, w, openedAt)
	defer p.leave()
	if e.Clock.Height() >= w.ActiveEnd {
		p.conclude(ctx, reports)
		return
	}
	active, endActive := e.until(ctx, w.ActiveEnd)
	defer endActive()
	ready := p.prepare(active)
	if ready {
		p.listen(active)
	}
	endActive()
	p.retransmissions.Wait()
	if !ready && ctx.Err() == nil {
		p.recall(ctx)
	}
	if ctx.Err() != nil {
		return // suspended: the window is still open in the log and may be resumed
	}
	p.drain(ctx)
	if ctx.Err() != nil {
		return // what could not be written down is judged by who can
	}
	if !report(ctx, reports, p.judge()) || p.hearing == nil {
		return
	}
	p.linger(ctx, reports)
}

// Linger implements coordination.Executor: after a restart, what was heard before is loaded again. What it proves is
// reported again, because the node may have ended between writing a statement down and reporting what follows from
// it, and to store a fault twice changes nothing. While the window lasts, a differing message that still arrives is
// recognised.
func (e *Executor) Linger(ctx context.Context, w coordination.Window, reports chan<- coordination.Report) {
	p, ctx := e.newProcedure(ctx, w, w.Block)
	defer p.leave()
	taking, end := p.grace(ctx)
	defer end()
	if !p.prepare(taking) {
		return
	}
	p.resumed = true
	for _, o := range p.offences() {
		if o.Kind == faults.LeaderIdle { // who was away knows nothing of silence
			p.amended[o.Key] = o.late
		}
	}
	p.linger(ctx, reports)
}

// until derives a context that ends when the clock reaches h. Its cancel function waits for the goroutine behind it.
func (e *Executor) until(ctx context.Context, h chain.Height) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		_ = e.Clock.Until(ctx, h) // its only error is the context's, which ends this either way
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}

// report delivers a report; false if ctx ended first.
func report(ctx context.Context, reports chan<- coordination.Report, r coordination.Report) bool {
	select {
	case reports <- r:
		return true
	case <-ctx.Done():
		return false
	}
}
