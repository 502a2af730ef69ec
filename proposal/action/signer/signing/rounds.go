package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// rounds is how far the own backend has come in an attempt: one session for each input, one after the other, in rounds.
type rounds struct {
	input      int
	round      int // that the backend is asked for next, from 1
	calling    bool
	asked      chain.Height    // when the backend was called last
	words      []signer.Parcel // what the backend said in the round before, and has not left yet
	speaks     bool            // there are words
	after      *signer.Outcome // what the session came to, once the words have left
	signatures [][]byte        // of the inputs before
	opened     []signer.SessionID
}

// reply is what the backend answered.
type reply struct {
	attempt *attempt
	answer  signer.RoundReply
	err     error
}

// goOn sends what the backend said, and asks it for the next round once everybody has spoken in the one before.
func (r *run) goOn(ctx context.Context, a *attempt, height chain.Height) {
	if a.speaks {
		if !r.permitted(ctx, height) {
			return
		}
		r.publish(ctx, a, bundle{a.sessions[a.input], a.round - 1, a.words})
		a.words, a.speaks = nil, false
	}
	if a.after != nil {
		r.finishInput(ctx, a)
		if a.result != "" {
			r.fail(ctx, a, height)
		}
		if a.over || a.input == len(r.signables) {
			return
		}
	}
	if request, complete := r.nextRound(a); complete && r.permitted(ctx, height) {
		r.ask(ctx, a, request)
	}
}

// nextRound returns what the backend is asked for next; false while somebody has yet to speak in the round before.
func (r *run) nextRound(a *attempt) (signer.SignRound, bool) {
	request := signer.SignRound{Session: a.sessions[a.input], Round: a.round, Term: r.term}
	if a.round == 1 {
		request.Open = &signer.SignOpen{Intent: r.intent, Input: a.input, Attempt: a.number, Signers: a.signers}
		return request, true
	}
	before := step{request.Session, a.round - 1}
	for _, op := range a.operators {
		if op == r.cfg.Self {
			continue
		}
		said, ok := r.bundles.get(op, before)
		if !ok {
			return signer.SignRound{}, false
		}
		request.In = append(request.In, said)
	}
	return request, true
}

// ask asks the backend, whose answer comes as a reply.
func (r *run) ask(ctx context.Context, a *attempt, request signer.SignRound) {
	if request.Open != nil {
		a.opened = append(a.opened, request.Session)
	}
	a.calling, a.asked = true, r.cfg.Clock.Height() // what was published before may have taken its time
	r.goroutines.Go(func() {
		answer, err := r.backend.Sign(ctx, request)
		select {
		case r.replies <- reply{a, answer, err}:
		case <-ctx.Done():
		}
	})
}

// answered takes what the backend said. What comes after the attempt is over is dropped: others do not wait for it any more.
func (r *run) answered(said reply) {
	a := said.attempt
	a.calling = false
	if a.over {
		return
	}
	if said.err != nil {
		r.refused(a, said.err)
		return
	}
	for _, c := range said.answer.Culprits {
		holder, ok := r.wallet.At(c.Seat)
		if !ok || holder != c.By || c.By == r.cfg.Self {
			r.log.Warn("The backend blames a seat that cannot have broken the attempt", "seat", c.Seat, "operator", c.By)
			continue
		}
		r.accuse(a, Blame{Operator: c.By, Seat: int(c.Seat), Misdeed: MisdeedScheme, Detail: c.Detail})
	}
	switch {
	case a.result != "":
	case len(said.answer.Culprits) > 0:
		a.because(ResultUnsound, "the session broke, and nobody can be told to have done it")
	case a.round >= maxRounds:
		a.because(ResultBackend, fmt.Sprintf("the backend wants more than %d rounds", maxRounds))
	default:
		a.round++
		a.words, a.speaks, a.after = said.answer.Out, len(said.answer.Out) > 0 || said.answer.Done == nil, said.answer.Done
	}
}

// refused takes an error of the backend. A rule ends the action, unless it is one that another attempt may satisfy.
func (r *run) refused(a *attempt, err error) {
	refusal, isRefusal := errors.AsType[*signer.Refused](err)
	switch {
	case isRefusal && (refusal.Rule == signer.RuleNonce || refusal.Rule == signer.RuleSeats || refusal.Rule == signer.RuleFeed):
		a.because(ResultBackend, err.Error())
	case isRefusal, errors.Is(err, signer.ErrFrozen), errors.Is(err, signer.ErrForbidden):
		a.because(ResultBackend, err.Error())
		r.over = &ending{outcome: action.SignerRefused, detail: err.Error()}
	case errors.Is(err, signer.ErrBackendFailed):
		a.because(ResultBackend, err.Error())
		r.over = &ending{outcome: action.SignerUnavailable, detail: err.Error()}
	case errors.Is(err, signer.ErrSplit), errors.Is(err, signer.ErrSessionGone):
		a.because(ResultUnsound, err.Error()) // it broke, or the backend has begun anew: another attempt may do better
	default:
		a.because(ResultBackend, err.Error())
	}
}

// finishInput looks at what a session came to.
func (r *run) finishInput(ctx context.Context, a *attempt) {
	signature := a.after.Signature
	a.after = nil
	if err := r.verifyInput(a.input, signature); err != nil {
		a.because(ResultUnsound, err.Error())
		return
	}
	a.signatures = append(a.signatures, signature)
	a.input++
	a.round = 1
	if a.input < len(r.signables) {
		return
	}
	if err := r.check(a.signatures); err != nil {
		a.because(ResultUnsound, err.Error())
		return
	}
	turn := slices.Index(a.operators, r.cfg.Self)
	if turn == 0 {
		r.publish(ctx, nil, result{r.about(a), a.signatures})
	}
	r.succeed(a.number, a.signatures)
	if turn > 0 {
		r.over.standIn = r.cfg.Clock.Height() + chain.Height(turn)*resultTurn
	}
}

// resultTurn is how many blocks each of the signers, in their order, gives those before it to tell the others what came of it. The first
// tells it at once; one that loses its power in that moment, or keeps it to itself, is stood in for.
const resultTurn chain.Height = 2
