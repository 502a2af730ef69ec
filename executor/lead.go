package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// speech is what this node says as the leader of a window.
type speech struct {
	own              *proposal.Message // nil if nothing was said
	sentAt           chain.Height
	broadcasting     bool
	generationFailed bool
	passedOver       []string // actions of the checklist that could not be proposed, each with its reason
	muted            muted    // why nothing was said, if nothing was
}

// muted is why a node said nothing that may have had something to say.
type muted struct {
	reason coordination.Reason
	detail string
}

// lead says what is to be done, once. The order is the rule (R2): write the whole envelope down, then send exactly
// what is written down. What fails is tried again at the next head; past the active phase nobody leads.
func (p *procedure) lead(ctx context.Context) {
	if p.said.broadcasting || p.hearing.equivocal() {
		return
	}
	if p.Clock.Stale() {
		p.log.Warn("Not leading: the chain clock is stale", "age", p.Clock.Age())
		p.said.muted = muted{coordination.ReasonChainStalled, "the chain clock was stale whenever it was our turn"}
		return
	}
	own, err := p.write(ctx)
	if ctx.Err() != nil || errors.Is(err, errSpoken) || errors.Is(err, errTooLate) || p.relieved(err) {
		return
	}
	if err != nil {
		p.log.Error("Could not write the proposal down, so it is not sent", "error", err)
		if p.said.own == nil { // what was stored before counts as said, though we cannot say it again
			p.storeErr = err
		}
		return
	}
	p.storeErr = nil
	if p.Clock.Height() >= p.window.ActiveEnd {
		return
	}
	p.broadcast(ctx, own)
}

// Why nothing is said, and nothing is wrong with the store.
var (
	errSpoken  = errors.New("our operator has spoken already, from elsewhere")
	errTooLate = errors.New("the active phase is over")
)

// write returns the stored proposal of this window, which is a new one only if there is none. One that is stored goes
// through the journal again before it is sent: another instance may have stored it, and ours then notes that it speaks too.
func (p *procedure) write(ctx context.Context) (coordination.OwnProposal, error) {
	wallet, window := p.Wallet.ID(), p.window.Block
	p.said.muted = muted{coordination.ReasonChainStalled, "the proposal was not ready when the active phase ended"}
	own, found, err := p.Journal.Own(ctx, wallet, window)
	if err != nil {
		return own, err
	}
	if !found {
		message := proposal.Message{
			Sender:   p.Wallet.LowestSeat(p.Self),
			Block:    window,
			Wallet:   wallet,
			Proposal: p.generate(ctx),
		}
		if ctx.Err() != nil || p.Clock.Height() >= p.window.ActiveEnd {
			return own, errTooLate
		}
		// Generating takes a while. Whoever else holds our key may have spoken meanwhile: a second proposal would be
		// an equivocation of ours.
		if p.take(ctx); !p.nothingHeard() || len(p.unsaved) > 0 {
			return own, errSpoken
		}
		payload := proposal.EncodeMessage(message)
		// The sequence number only has to differ between windows: receivers forget it with the window.
		envelope, err := p.Channel.Seal(payload, p.window.Index)
		if err != nil {
			return own, err
		}
		own = coordination.OwnProposal{Payload: payload, Envelope: envelope, SentAt: p.Clock.Height(), SentTime: time.Now()}
	}
	p.said.muted = muted{coordination.ReasonStoreFailed, "the proposal was not written down when the active phase ended"}
	if own, err = p.Journal.SaveOwn(ctx, wallet, window, own); err != nil {
		return own, err
	}
	return own, p.adopt(own)
}

// generate goes through the checklist until an action yields a proposal that a follower would accept. A task that
// fails is logged and the next one tried; a no-op is what is left. What was passed over is told with the result, too.
func (p *procedure) generate(ctx context.Context) proposal.Proposal {
	request := proposal.Request{
		Wallet: p.Wallet.ID(),
		Height: p.Clock.Height(),
		Now:    p.Clock.Head().Time,
	}
	p.said.generationFailed, p.said.passedOver = false, nil
	for _, kind := range p.hearing.checklist {
		made, err := p.Generator.Generate(ctx, kind, request)
		switch {
		case errors.Is(err, proposal.ErrNeedsBitcoinSource):
			p.said.passOver(kind, proposal.ErrNeedsBitcoinSource.Error())
			p.log.Debug("Skipped an action of the checklist", "action", kind, "reason", err)
			continue
		case err != nil:
			p.said.generationFailed = true
			p.said.passOver(kind, err.Error())
			p.log.Warn("Could not generate a proposal", "action", kind, "error", err)
			continue
		case made == nil:
			continue
		}
		verdict := p.Validator.Validate(ctx, p.Wallet.ID(), made)
		if verdict.Outcome == proposal.Valid {
			p.said.generationFailed = false
			return made
		}
		p.said.generationFailed = true
		p.said.passOver(kind, verdict.Reason)
		p.log.Warn("Not proposing what the validator does not pass", "action", kind,
			"outcome", verdict.Outcome, "detail", verdict.Reason)
	}
	return proposal.Noop{}
}

func (s *speech) passOver(kind proposal.Kind, why string) {
	s.passedOver = append(s.passedOver, fmt.Sprintf("%v: %s", kind, why))
}

// broadcast sends the envelope now and again at its due heights, to the end of the active phase. After a restart a
// retransmission may be due already, and is the first thing sent.
func (p *procedure) broadcast(ctx context.Context, own coordination.OwnProposal) {
	p.said.broadcasting = true
	send := func(ctx context.Context) error {
		err := p.Channel.Publish(ctx, own.Envelope)
		if p.relieved(err) {
			return nil
		}
		return err
	}
	if net.Due(own.SentAt, p.Clock.Height()) == 0 {
		if err := send(ctx); err != nil {
			p.log.Warn("Could not broadcast the proposal; it is sent again when due", "error", err)
		}
	}
	p.log.Debug("Proposal sent", "action", p.said.own.Proposal.Kind(), "sent_at", own.SentAt)
	p.retransmissions.Go(func() {
		if err := net.Retransmit(ctx, p.Clock, own.SentAt, p.window.ActiveEnd, send); err != nil && ctx.Err() == nil {
			p.log.Warn("Retransmission ended early", "error", err)
		}
	})
}
