package executor

import (
	"context"
	"errors"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// prepare finds out who leads, and takes in what was written down before: without it the node could contradict itself. Each
// is tried at every head until it succeeds; false if ctx ended before.
func (p *procedure) prepare(ctx context.Context) bool {
	return p.atHeads(ctx, p.findLeader) && p.atHeads(ctx, p.reload)
}

// atHeads repeats a step at every head until it succeeds; false if ctx ended before.
func (p *procedure) atHeads(ctx context.Context, step func(context.Context) error) bool {
	for {
		changed := p.Clock.Changed()
		if step(ctx) == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// recall is a last try at what the active phase ended in the middle of: without what is written down, our own words would
// count for unsaid, and a leader's for silence.
func (p *procedure) recall(ctx context.Context) {
	trying, end := p.grace(ctx)
	defer end()
	p.said.muted = p.leaderless()
	if p.hearing == nil && p.findLeader(trying) != nil {
		return
	}
	if p.said.muted.reason == "" {
		p.said.muted = muted{coordination.ReasonStoreFailed, "what was said before could not be read in the active phase"}
	}
	if err := p.reload(trying); err != nil {
		p.storeErr = err
	}
	p.look()
}

// takingGrace is for how many blocks after a window's end what was heard in it is still taken up: 20 minutes for an
// endpoint or a store that is down meanwhile, and far from the next window.
const takingGrace chain.Height = 100

// grace derives a context for what is taken up late. Its cancel function waits for the goroutine behind it.
func (p *procedure) grace(ctx context.Context) (context.Context, context.CancelFunc) {
	return p.until(ctx, max(p.window.End, p.Clock.Height())+takingGrace)
}

// findLeader reads the seed block.
func (p *procedure) findLeader(ctx context.Context) error {
	block, err := p.Headers.Header(ctx, p.window.SeedBlock)
	if err == nil {
		p.elect(block.Hash)
	} else if ctx.Err() == nil {
		p.seedErr = err
		p.log.Warn("Could not read the seed block", "block", p.window.SeedBlock, "error", err)
	}
	return err
}

// reload takes in what was written down before, by an earlier run or an earlier owner of the wallet.
func (p *procedure) reload(ctx context.Context) error {
	err := p.tryReload(ctx)
	if err != nil && !p.relieved(err) && ctx.Err() == nil {
		p.storeErr = err
		p.log.Error("Could not read what was said before", "error", err)
	}
	return err
}

func (p *procedure) tryReload(ctx context.Context) error {
	own, said, err := p.Journal.Own(ctx, p.Wallet.ID(), p.window.Block)
	if err != nil {
		return err
	}
	statements, err := p.Journal.Statements(ctx, p.Wallet.ID(), p.window.Block)
	if err != nil {
		return err
	}
	if said && p.leads() {
		if err := p.adopt(own); err != nil {
			return err
		}
	}
	for _, s := range statements {
		p.admit(s)
	}
	p.storeErr = nil
	return nil
}

// adopt takes a stored proposal as what this node said.
func (p *procedure) adopt(own coordination.OwnProposal) error {
	message, err := proposal.DecodeMessage(own.Payload)
	if err != nil {
		return errors.Join(errors.New("the stored proposal cannot be decoded"), err)
	}
	p.said.own, p.said.sentAt = &message, own.SentAt
	p.hearing.hear(coordination.Statement{
		Wallet:    p.Wallet.ID(),
		Window:    p.window.Block,
		Author:    p.Self,
		Seat:      message.Sender,
		Digest:    message.Digest(),
		Payload:   own.Payload,
		ArrivedAt: own.SentAt,
	}, message)
	return nil
}

// admit decodes a statement that is written down and takes it into the hearing. The channel only delivers what
// decodes, so a statement that does not was damaged in the store.
func (p *procedure) admit(s coordination.Statement) {
	message, err := proposal.DecodeMessage(s.Payload)
	if err != nil {
		p.log.Error("A stored statement cannot be decoded", "author", s.Author, "error", err)
		return
	}
	p.hearing.hear(s, message)
	if first, ok := p.hearing.candidate(); ok && p.trial.tries == 0 {
		p.trial.arrived = first.ArrivedAt
	}
}
