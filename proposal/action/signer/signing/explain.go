package signing

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// backendTime is how many blocks a backend has for a round before it can be told to have been slow: who speaks last, and late,
// must not make it look as if it were.
const backendTime chain.Height = 2

// finding is why an attempt ended, as soon as that is known.
type finding struct {
	result Result // empty while it is not
	detail string
	blames []Blame
}

// because notes why the attempt ends.
func (f *finding) because(result Result, detail string) { f.result, f.detail = result, detail }

// blame notes an operator's misdeed, once.
func (f *finding) blame(b Blame) {
	f.because(ResultCheated, fmt.Sprintf("%v: %s", b.Operator, b.Detail))
	if !slices.ContainsFunc(f.blames, func(o Blame) bool { return o.Operator == b.Operator && o.Misdeed == b.Misdeed }) {
		f.blames = append(f.blames, b)
	}
}

// explain finds why an attempt failed, if it is not known, and who was silent.
func (r *run) explain(a *attempt, height chain.Height) {
	b := r.boards[a.number]
	switch {
	case a.result != "":
	case a.signers == nil && b.active() < r.key.Threshold:
		a.because(ResultTooFew, fmt.Sprintf("%d of %d seats, %d needed", b.active(), r.wallet.Seats(), r.key.Threshold))
	case a.signers == nil:
		a.because(ResultNoList, fmt.Sprintf("%v named no signers", a.coordinator))
	case a.calling && height < a.asked+backendTime:
		a.because(ResultUnsound, fmt.Sprintf("what was said last came too late for round %d of the backend", a.round))
	case a.calling:
		a.because(ResultBackend, fmt.Sprintf("the backend has not answered round %d in time", a.round))
	default:
		a.because(ResultSilent, "nobody can be told to have been silent")
		if quiet := r.quiet(a); len(quiet) > 0 {
			a.detail = fmt.Sprintf("%d operators", len(quiet))
		}
	}
	if a.result == ResultUnsound || a.result == ResultSilent && len(r.quiet(a)) == 0 {
		for _, op := range a.operators {
			r.standing.suspect[op]++
		}
	}
}

// answerTime is how many blocks a signer has to say what is due: for its backend, and for what it answers and for its answer to
// come through. Who names signers late, or is the last to speak in a round and late, must not make the others look silent.
const answerTime chain.Height = 10

// quiet returns the signers who said nothing in the first round in which some did and others did not. Where nobody spoke, the
// list may have come to nobody; and nobody is silent who had less than answerTime since there was something to answer.
func (r *run) quiet(a *attempt) []chain.Operator {
	others := slices.DeleteFunc(slices.Clone(a.operators), func(op chain.Operator) bool { return op == r.cfg.Self })
	asked := r.boards[a.number].named // when the last one was heard of those that the next round answers
	for input := range a.sessions {
		for round := 1; round <= maxRounds; round++ {
			at := step{a.sessions[input], round}
			missing := r.bundles.missing(others, at)
			if len(missing) == 0 && len(others) > 0 {
				asked = max(asked, r.bundles.last(others, at))
				continue
			}
			if a.takesPart && input < a.input {
				break // that session came to its end here
			}
			if asked+answerTime > r.schedule.deadline(a.number) {
				return nil
			}
			weSpoke := a.takesPart && input == a.input && round < a.round
			if len(missing) > 0 && (weSpoke || len(missing) < len(others)) {
				return missing
			}
			if round == 1 {
				return nil // nobody has begun with this input
			}
			break // it went no further
		}
	}
	return nil
}
