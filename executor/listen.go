package executor

import (
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/net"
)

// listen runs the active phase: leading, if we lead, and hearing everybody. It returns when ctx ends, which it does
// with the active phase.
func (p *procedure) listen(ctx context.Context) {
	for ctx.Err() == nil {
		// Both are taken before the state is read, so that nothing that happens in between is slept through.
		arrived, changed := p.Channel.Arrived(), p.Clock.Changed()
		p.take(ctx)
		p.look()
		if p.speaks() {
			p.lead(ctx)
		} else {
			p.examine(ctx)
		}
		if !p.heedsHeads() {
			changed = nil
		}
		select {
		case <-arrived:
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// heedsHeads reports whether another head alone can give us something to do: to lead, to try a proposal again, to look
// whether anybody is there, or to write down what could not be. Most wallets sleep most of a window, and a thousand of
// them are not woken at each of its blocks for nothing.
func (p *procedure) heedsHeads() bool {
	if len(p.unsaved) > 0 || !p.sawPeers {
		return true
	}
	if p.speaks() {
		return !p.said.broadcasting && !p.hearing.equivocal()
	}
	_, ok := p.hearing.candidate()
	return ok && !p.trial.passed && !p.trial.settled
}

// take hears what has arrived. A statement is written down before it counts (rule R2); one that cannot be is kept
// for the next time, which is bounded by the channel's budgets.
func (p *procedure) take(ctx context.Context) {
	pending := slices.Concat(p.unsaved, p.Channel.Take(p.window.Block))
	p.unsaved, p.saveErr = nil, nil
	for i, m := range pending {
		err := p.hearFrom(ctx, statement(m))
		if p.relieved(err) {
			p.unsaved = append(p.unsaved, pending[i:]...)
			return
		}
		if err != nil {
			p.saveErr = err
			p.unsaved = append(p.unsaved, m)
			if ctx.Err() == nil {
				p.log.Error("Could not write down a message", "author", m.Author, "error", err)
			}
		}
	}
}

// hearFrom takes in a statement that is new, once it is written down.
func (p *procedure) hearFrom(ctx context.Context, s coordination.Statement) error {
	if err := p.recallOwn(ctx, s); err != nil {
		return err
	}
	if p.hearing.knows(s) {
		return nil
	}
	if err := p.Journal.SaveStatement(ctx, s); err != nil {
		return err
	}
	p.admit(s)
	return nil
}

// recallOwn looks for our own proposal when our operator is heard to lead and we do not know of it: another instance may
// have stored it meanwhile, and then nobody spoke but ourselves.
func (p *procedure) recallOwn(ctx context.Context, s coordination.Statement) error {
	if p.said.own != nil || s.Author != p.Self || !p.leads() {
		return nil
	}
	own, found, err := p.Journal.Own(ctx, p.Wallet.ID(), p.window.Block)
	if err != nil || !found {
		return err
	}
	return p.adopt(own)
}

func statement(m net.Message) coordination.Statement {
	return coordination.Statement{
		Wallet:     m.Wallet,
		Window:     m.Window,
		Author:     m.Author,
		Seat:       m.Seat,
		Digest:     m.Digest,
		Payload:    m.Payload,
		Signed:     m.Signed,
		ArrivedAt:  m.ArrivedAt,
		ReceivedAt: m.ReceivedAt,
	}
}

// examine tries the candidate against the chain's validator when a try is due (rule R5).
func (p *procedure) examine(ctx context.Context) {
	candidate, ok := p.hearing.candidate()
	height := p.Clock.Height()
	if ok && candidate.ArrivedAt < p.window.ActiveEnd && p.trial.due(height, p.window.ActiveEnd) {
		p.try(ctx, candidate, height)
	}
}

func (p *procedure) try(ctx context.Context, candidate heard, height chain.Height) {
	verdict := p.Validator.Validate(ctx, p.Wallet.ID(), candidate.proposal)
	if ctx.Err() != nil {
		return // the phase ended meanwhile; a verdict cut short is none
	}
	p.trial.record(height, verdict)
	p.log.Debug("Proposal tried", "height", height, "outcome", verdict.Outcome, "detail", verdict.Reason)
}

// drain hears what arrived in the active phase and was not taken yet, before silence is judged, and tries what
// there was no time to try (rule R3).
func (p *procedure) drain(ctx context.Context) {
	if p.hearing == nil || p.storeErr != nil {
		return
	}
	p.take(ctx)
	candidate, ok := p.hearing.candidate()
	if ok && candidate.ArrivedAt < p.window.ActiveEnd && p.trial.tries == 0 && !p.speaks() {
		p.try(ctx, candidate, p.Clock.Height())
	}
}

// linger runs the passive phase: what still arrives may prove an offence, mark an idle leader late, or revoke the
// action (rule R3). It returns when everything that arrived before the window's end is reported, or ctx ends.
func (p *procedure) linger(ctx context.Context, reports chan<- coordination.Report) {
	lasting, end := p.until(ctx, p.window.End)
	defer end()
	for {
		arrived, changed := p.Channel.Arrived(), p.Clock.Changed()
		over := lasting.Err() != nil || p.Clock.Height() >= p.window.End // read first: what arrived by then is taken below
		p.take(ctx)
		if !p.amend(ctx, reports) || over {
			return
		}
		select {
		case <-arrived:
		case <-changed: // what could not be written down is tried again
		case <-lasting.Done():
		}
	}
}

// amend reports what is new; false if ctx ended before. A processor that is busy beyond the window's end is waited for.
func (p *procedure) amend(ctx context.Context, reports chan<- coordination.Report) bool {
	for _, o := range p.offences() {
		if late, told := p.amended[o.Key]; told && late == o.late {
			continue
		}
		p.amended[o.Key] = o.late
		a := coordination.Amendment{
			Wallet: p.Wallet.ID(),
			Window: p.window,
			Fault:  p.weigh(o),
			Revoke: o.Kind == faults.LeaderEquivocation,
		}
		if !report(ctx, reports, a) {
			return false
		}
	}
	return true
}
