package executor

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// conclude judges a window whose active phase was over before we took it up, because whoever served the wallet did not come
// to it. What was written down counts, and what waits in our channel and arrived in time; that we know of nothing proves
// nothing, so silence is nobody's fault here.
func (p *procedure) conclude(ctx context.Context, reports chan<- coordination.Report) {
	p.tookUp = p.Clock.Height()
	taking, end := p.grace(ctx)
	if p.prepare(taking) {
		p.catchUp(taking)
	}
	end()
	if ctx.Err() != nil {
		return // still open in the log
	}
	if !report(ctx, reports, p.judge()) || p.hearing == nil {
		return
	}
	p.linger(ctx, reports)
}

// catchUp hears what has arrived and tries the proposal that nobody may have tried, at each head until both are done or ctx
// ends. A later head can accept what an earlier one did not see (rule R5), as long as there is time to act on it.
func (p *procedure) catchUp(ctx context.Context) {
	for {
		changed := p.Clock.Changed()
		p.take(ctx)
		p.look()
		candidate, ok := p.hearing.candidate()
		height := p.Clock.Height()
		tried := ok && candidate.ArrivedAt < p.window.ActiveEnd && !p.speaks() && height < p.signingEnd(candidate.proposal)
		if tried {
			p.try(ctx, candidate, height)
		}
		if len(p.unsaved) == 0 && (!tried || p.trial.last.Outcome != proposal.Failed) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// late reports whether we took the window up when its active phase was over.
func (p *procedure) late() bool { return p.tookUp != 0 }

// signingEnd returns the block by which the action would have to be signed; a no-op has no such block.
func (p *procedure) signingEnd(what proposal.Proposal) chain.Height {
	result := coordination.Result{Window: p.window, Proposal: what, Reason: agreed(what)}
	order, acts := result.Order()
	if !acts {
		return ^chain.Height(0)
	}
	return order.SigningEnd()
}
