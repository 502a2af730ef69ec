package executor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

// judge ends the active phase: everything heard, and everything this node could not do, becomes one Result.
func (p *procedure) judge() coordination.Result {
	r := coordination.Result{
		Wallet:   p.Wallet.ID(),
		Window:   p.window,
		OpenedAt: p.openedAt,
		Seed:     p.seed,
	}
	if p.hearing == nil {
		why := p.leaderless()
		r.Reason, r.Detail = why.reason, why.detail
		return r
	}
	p.banned = p.banned || p.Banned(p.hearing.leader)
	r.Leader, r.Role = p.hearing.leader, coordination.RoleFollower
	if p.leads() {
		r.Role = coordination.RoleLeader
	}
	for _, o := range p.offences() {
		r.Faults = append(r.Faults, p.weigh(o))
		p.amended[o.Key] = o.late
	}
	switch {
	case p.hearing.equivocal():
		r.Reason = coordination.ReasonLeaderEquivocation
	case len(p.unsaved) > 0:
		r.Reason, r.Detail = coordination.ReasonStoreFailed, detail(p.saveErr)
	case p.storeErr != nil:
		r.Reason, r.Detail = coordination.ReasonStoreFailed, detail(p.storeErr)
	case p.speaks():
		p.concludeAsLeader(&r)
	default:
		p.concludeAsFollower(&r)
	}
	if p.late() && r.Detail == "" {
		r.Detail = p.tookUpLate()
	}
	return r
}

// leaderless says why the leader is not known; zero if it is.
func (p *procedure) leaderless() muted {
	switch {
	case p.hearing != nil:
		return muted{}
	case errors.Is(p.seedErr, chain.ErrNoQuorum):
		return muted{coordination.ReasonNoQuorum, detail(p.seedErr)}
	default:
		return muted{coordination.ReasonSeedUnavailable, detail(p.seedErr)}
	}
}

// offences returns everything done wrong so far: what was said, and at the end of the active phase what was refused
// or not said at all.
func (p *procedure) offences() []offence {
	found := p.hearing.offences()
	if p.speaks() {
		return found
	}
	if p.trial.convicts() && !p.hearing.equivocal() {
		first := p.hearing.said[0]
		found = append(found, offence{
			Key:      p.hearing.key(faults.LeaderMistake, p.hearing.leader),
			detail:   p.trial.last.Reason,
			evidence: evidence(first.Statement),
		})
	}
	if p.idle() && !p.banned && !p.late() && len(p.unsaved) == 0 && p.storeErr == nil {
		o := offence{Key: p.hearing.key(faults.LeaderIdle, p.hearing.leader), detail: "no message in the active phase"}
		if !p.nothingHeard() {
			o.detail = fmt.Sprintf("first message at block %d", p.hearing.said[0].ArrivedAt)
			o.evidence = evidence(p.hearing.said[0].Statement)
			o.late = true
		}
		found = append(found, o)
	}
	return found
}

func (p *procedure) nothingHeard() bool { return len(p.hearing.said) == 0 }

// idle reports whether nothing of the leader arrived before the active phase ended.
func (p *procedure) idle() bool {
	return p.nothingHeard() || p.hearing.said[0].ArrivedAt >= p.window.ActiveEnd
}

// weigh turns an offence into a fault: attributed if what we saw suffices for its kind (rule R4).
func (p *procedure) weigh(o offence) faults.Fault {
	observer := p.observer(o.Culprit)
	f := faults.Fault{
		Key:        o.Key,
		Attributed: observer.Sure(),
		Detail:     o.detail,
		Evidence:   o.evidence,
		Observer:   observer,
		ObservedAt: p.Clock.Height(),
	}
	if o.Kind == faults.LeaderIdle {
		f.Attributed = observer.ClearView() && !p.resumed
		f.Late = o.late
	}
	return f
}

func (p *procedure) concludeAsLeader(r *coordination.Result) {
	alone := len(p.Wallet.Operators()) == 1
	switch {
	case p.said.own == nil && p.late():
		r.Reason, r.Detail = coordination.ReasonNodeDown, p.tookUpLate()
	case p.said.own == nil:
		r.Reason, r.Detail = p.said.muted.reason, p.said.muted.detail
	case !p.sawPeers && !alone && !p.late(): // who was connected to the one that spoke, we do not know
		r.Reason, r.Detail = coordination.ReasonNoPeers, "nobody of the wallet's group was connected to hear the proposal"
	default:
		r.Proposal, r.ReceivedAt, r.Reason = p.said.own.Proposal, p.said.sentAt, agreed(p.said.own.Proposal)
		if p.said.generationFailed {
			r.Reason = coordination.ReasonGenerationFailed
		}
		if len(p.said.passedOver) > 0 {
			r.Detail = "not proposed: " + strings.Join(p.said.passedOver, "; ")
		}
	}
}

func (p *procedure) concludeAsFollower(r *coordination.Result) {
	if p.trial.passed {
		first := p.hearing.said[0]
		r.Proposal, r.ReceivedAt, r.Reason = first.proposal, first.ArrivedAt, agreed(first.proposal)
		return
	}
	mismatched := p.Channel.Mismatched(p.hearing.leader)
	switch {
	case p.idle():
		r.Reason, r.Detail = p.whySilent()
	case mismatched:
		r.Reason = coordination.ReasonParamsMismatch
	case p.hearing.said[0].objection != "":
		r.Reason, r.Detail = coordination.ReasonLeaderMistake, p.hearing.said[0].objection
	case p.trial.convicts():
		r.Reason, r.Detail = coordination.ReasonLeaderMistake, p.trial.last.Reason
	case p.trial.last.Outcome == proposal.Unverifiable && p.trial.settled:
		r.Reason, r.Detail = coordination.ReasonUnverifiable, p.trial.last.Reason
	case p.trial.last.NoQuorum:
		r.Reason, r.Detail = coordination.ReasonNoQuorum, p.trial.last.Reason
	default:
		r.Reason, r.Detail = coordination.ReasonValidationError, p.whyUntried()
	}
}

// whySilent is the reason for having heard nothing: ours if our view was impaired, else the leader's.
func (p *procedure) whySilent() (coordination.Reason, string) {
	o := p.observer(p.hearing.leader)
	switch {
	case p.banned:
		return coordination.ReasonLeaderBanned, ""
	case o.ParamsMismatch:
		return coordination.ReasonParamsMismatch, ""
	case p.late() && len(p.hearing.impostors) == 0:
		return coordination.ReasonNodeDown, p.tookUpLate()
	case o.ClearView() && !p.late():
		return coordination.ReasonLeaderIdle, ""
	case len(p.hearing.impostors) > 0:
		return coordination.ReasonLeaderImpersonation, ""
	case o.HeadsDoubted:
		return coordination.ReasonNoQuorum, "too few chain endpoints agreed on the blocks of the active phase"
	case o.ClockLapsed:
		return coordination.ReasonChainStalled, "no new block for " + o.ClockAge.Truncate(time.Second).String()
	case !p.sawPeers:
		return coordination.ReasonNoPeers, ""
	default:
		return coordination.ReasonLeaderIdle, "our own view was impaired"
	}
}

// whyUntried says why a proposal that nothing speaks against was not accepted.
func (p *procedure) whyUntried() string {
	switch {
	case p.trial.tries == 0 && p.late():
		return p.tookUpLate() + ", when there was no time left to act on it"
	case p.trial.tries == 0:
		return "it arrived too late to be checked"
	case p.trial.last.Outcome == proposal.Refused:
		return "refused for fewer than 3 blocks before the active phase ended: " + p.trial.last.Reason
	default:
		return p.trial.last.Reason
	}
}

func (p *procedure) tookUpLate() string { return fmt.Sprintf("taken up at block %d", p.tookUp) }

// agreed is the reason of a window that ended in a proposal.
func agreed(p proposal.Proposal) coordination.Reason {
	if p.Kind() == proposal.KindNoop {
		return coordination.ReasonNoop
	}
	return coordination.ReasonOK
}

func detail(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
