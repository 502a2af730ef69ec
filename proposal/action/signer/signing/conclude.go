package signing

import (
	"context"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// succeed ends the run with signatures that were verified. An attempt that is under way while those of an earlier one come in
// is left without a result.
func (r *run) succeed(number uint32, signatures [][]byte) {
	r.over = &ending{signatures: signatures, attempt: number}
	if a := r.current; a != nil && !a.over && a.number == number {
		a.because(ResultSigned, "")
		report := r.report(a, r.cfg.Clock.Height())
		r.over.report = &report
	}
}

// fail ends an attempt that has not succeeded, and draws the conclusions for those that follow.
func (r *run) fail(ctx context.Context, a *attempt, height chain.Height) {
	if a.over {
		return
	}
	r.explain(a, height)
	r.close(ctx, a, height)
	r.last = fmt.Sprintf("attempt %d: %s: %s", a.number, a.result, a.detail)
	if a.result == ResultBackend {
		r.failed++
	} else {
		r.failed = 0
	}
	if r.failed >= maxBackendFailures && r.over == nil {
		r.over = &ending{outcome: action.SignerUnavailable, detail: a.detail}
	}
}

// close records an attempt that is over without a signature, and lets go what it holds.
func (r *run) close(ctx context.Context, a *attempt, height chain.Height) {
	report := r.report(a, height)
	if err := r.cfg.Log.EndAttempt(ctx, r.wallet.ID(), r.order.Window, report, a.blames); err != nil {
		r.rest(ctx, height, "Could not record how an attempt to sign ended", err)
	}
	r.goroutines.Go(func() { r.abort(ctx, a.opened) })
}

// report ends an attempt, and says what became of it.
func (r *run) report(a *attempt, height chain.Height) Attempt {
	a.over = true
	r.forget(a)
	b := r.boards[a.number]
	report := Attempt{
		Number: a.number, Begun: a.begun, Ended: height, Coordinator: a.coordinator, Active: b.active(), Absent: b.absent(r.wallet), Missing: b.missing(r.wallet),
		Whole: a.begun <= r.schedule.announce(a.number), Result: a.result, Detail: a.detail,
	}
	for _, s := range a.signers {
		report.Signers = append(report.Signers, int(s))
	}
	if a.result == ResultSilent {
		report.Silent = r.quiet(a)
		for _, op := range report.Silent { // all at once: one after the other would take an attempt each
			r.standing.silent[op] = true
		}
	}
	r.log.Debug("An attempt to sign ended", "attempt", a.number, "result", a.result, "detail", a.detail, "active", report.Active)
	r.cfg.Observe(r.order, report)
	return report
}

// forget ends the repetition of what was said in an attempt.
func (r *run) forget(a *attempt) {
	for _, data := range a.said {
		r.topic.Forget(data)
	}
	a.said = nil
}

// leave lets go the attempt under way, if the run ends in it.
func (r *run) leave(ctx context.Context) {
	if a := r.current; a != nil && !a.over {
		a.over = true
		r.forget(a)
		r.abort(context.WithoutCancel(ctx), a.opened) // above all when it was revoked
	}
}

// abortTimeout bounds the call that makes the backend forget a session's secrets. It forgets them in time by itself.
const abortTimeout = time.Second

func (r *run) abort(ctx context.Context, sessions []signer.SessionID) {
	ctx, cancel := context.WithTimeout(ctx, abortTimeout)
	defer cancel()
	for _, session := range sessions {
		if err := r.backend.Abort(ctx, session); err != nil {
			r.log.Debug("Could not make the backend forget a session", "session", session, "error", err)
		}
	}
}
