package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// Why an action's context ended, other than that the node stops or does not serve the wallet any more.
var (
	errRevoked = errors.New("revoked")
	// ErrExpired is the cause with which the context of a handler ends when signing must have ended. One that has waited in vain
	// until then may say for what: its outcome is taken.
	ErrExpired = errors.New("expired")
	errDone    = errors.New("done elsewhere")
)

const (
	// retryFirst and retryMost are the pauses between attempts to reach the log: 100 ms, doubled up to half a minute.
	retryFirst, retryMost = 100 * time.Millisecond, 30 * time.Second
	// writeTimeout bounds one attempt to record an outcome. It outlives the node's context, for what was done
	// must be known after a restart.
	writeTimeout = 5 * time.Second
	// maxDetail bounds a detail in bytes: a panic's value can be anything.
	maxDetail = 500
)

// carryOut takes one action from its order to its outcome. The outcome is empty if the wallet is let go first. ctx ends
// with errRevoked, ErrExpired or errDone through cancel.
func (d *Dispatcher) carryOut(ctx context.Context, cancel context.CancelCauseFunc, o proposal.Order) (end Ended, detail string) {
	log := d.logger(o)
	end.Order = o
	var begun time.Time
	defer func() {
		if value := recover(); value != nil {
			log.Error("An action's handler panicked", "panic", value, "stack", string(debug.Stack()))
			end.Outcome, detail = HandlerFailed, fmt.Sprintf("panic: %v", value)
		}
		if !begun.IsZero() {
			end.Begun, end.Took = true, time.Since(begun)
		}
	}()
	stop := d.expire(ctx, cancel, o)
	defer stop()
	end.Outcome, detail = d.steps(ctx, cancel, o, func() { begun = time.Now() })
	if end.Outcome == "" {
		end.Outcome = ending(ctx)
	}
	return end, detail
}

// steps goes from the window's end through the handler, and tells when the start is recorded. An empty outcome says that
// ctx has ended.
func (d *Dispatcher) steps(ctx context.Context, cancel context.CancelCauseFunc, o proposal.Order, begun func()) (Outcome, string) {
	if d.cfg.Clock.Until(ctx, o.SigningStart()) != nil {
		return "", ""
	}
	if height := d.cfg.Clock.Height(); height >= o.SigningEnd() {
		return Expired, fmt.Sprintf("the head went on to block %d at once", height) // sooner than expire can say so
	}
	if outcome, detail := d.begin(ctx, cancel, o); outcome != "" || ctx.Err() != nil {
		return outcome, detail
	}
	begun()
	if outcome, detail := d.validate(ctx, o); outcome != "" || ctx.Err() != nil {
		return outcome, detail
	}
	outcome, detail := d.cfg.Handlers[o.Proposal.Kind()].Handle(ctx, o)
	if outcome == "" && ctx.Err() == nil {
		return HandlerFailed, "the handler ended without an outcome"
	}
	return outcome, detail
}

// expire ends ctx with ErrExpired when signing must have ended. What it returns waits for the goroutine behind it.
func (d *Dispatcher) expire(ctx context.Context, cancel context.CancelCauseFunc, o proposal.Order) (stop func()) {
	watch, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if d.cfg.Clock.Until(watch, o.SigningEnd()) == nil {
			cancel(ErrExpired)
		}
	}()
	return func() {
		end()
		<-done
	}
}

// ending returns the outcome that the end of an action's context stands for; none if the wallet is let go, or there is one
// already.
func ending(ctx context.Context) Outcome {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errRevoked):
		return Revoked
	case errors.Is(cause, ErrExpired):
		return Expired
	default:
		return ""
	}
}

// begin makes sure that the action is not revoked and records its start. Both must have happened before anything is
// done, so a log that fails is asked again until the action's time is over. One that has the outcome already, another
// instance's, leaves nothing to be done: ctx ends.
func (d *Dispatcher) begin(ctx context.Context, cancel context.CancelCauseFunc, o proposal.Order) (Outcome, string) {
	revoked := false
	var failure error // the log's own, rather than that the time was over
	_ = retry(ctx, d.logger(o), "Could not begin an action", func() (err error) {
		revoked, err = d.cfg.Log.ActionRevoked(ctx, o.Wallet, o.Window)
		if err == nil && !revoked {
			err = d.cfg.Log.StartAction(ctx, o.Wallet, o.Window, d.cfg.Clock.Height())
		}
		if errors.Is(err, ErrFinished) {
			cancel(errDone)
		}
		if err == nil || ctx.Err() == nil {
			failure = err
		}
		return err
	})
	switch {
	case revoked:
		return Revoked, ""
	case failure != nil && ending(ctx) == Expired:
		return StoreFailed, failure.Error()
	default:
		return "", ""
	}
}

// validate asks the validator again, now that the window has settled. No answer is no verdict: it is asked again at
// each head until the action's time is over.
func (d *Dispatcher) validate(ctx context.Context, o proposal.Order) (Outcome, string) {
	failure := ""
	for ctx.Err() == nil {
		changed := d.cfg.Clock.Changed() // before asking, so that no head is slept through
		verdict := d.cfg.Validator.Validate(ctx, o.Wallet, o.Proposal)
		if ctx.Err() != nil {
			break // a verdict cut short is none
		}
		switch verdict.Outcome {
		case proposal.Valid:
			return "", ""
		case proposal.Refused:
			return Invalidated, verdict.Reason
		case proposal.Unverifiable:
			return Unverifiable, verdict.Reason
		case proposal.Failed:
			failure = verdict.Reason
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	if failure != "" && ending(ctx) == Expired {
		return ValidationError, failure
	}
	return "", ""
}

// finish records an outcome. It goes on trying until ctx ends; the action then stays pending and is judged again at
// the next start, or by whoever serves the wallet now.
func (d *Dispatcher) finish(ctx context.Context, end Ended, detail string) {
	o, outcome, log := end.Order, end.Outcome, d.logger(end.Order)
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "")
	}
	err := retry(ctx, log, "Could not record an outcome", func() error {
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		defer cancel()
		return d.cfg.Log.FinishAction(write, o.Wallet, o.Window, outcome, detail, d.cfg.Clock.Height())
	})
	if err != nil {
		log.Log(context.WithoutCancel(ctx), complaint(err), "An outcome is not recorded; the action is judged again", "outcome", outcome, "error", err)
		return
	}
	log.Log(ctx, level(outcome), "Action ended", "outcome", outcome, "detail", detail)
	d.cfg.Observe(end)
}

// complaint returns where a failure of the log is told. That the wallet is another's is none: the context is about to end.
func complaint(err error) slog.Level {
	if errors.Is(err, chain.ErrNotServed) {
		return slog.LevelDebug
	}
	return slog.LevelError
}

// level returns where an outcome belongs in the log. Info is the window's own line, one for each wallet; an action that
// failed through no one's wish is worth a look, and whatever else became of it is in the store and the metrics.
func level(o Outcome) slog.Level {
	switch o {
	case SignerUnavailable, SignerRefused, Expired, ValidationError, HandlerFailed, StoreFailed:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}

func (d *Dispatcher) logger(o proposal.Order) *slog.Logger {
	return d.cfg.Logger.With("wallet", o.Wallet, "window", o.Window, "action", o.Proposal.Kind())
}

// retry runs f, at least once, until it succeeds or ctx ends; then it returns f's last error.
func retry(ctx context.Context, log *slog.Logger, message string, f func() error) error {
	for pause := retryFirst; ; pause = min(2*pause, retryMost) {
		err := f()
		if err == nil || ctx.Err() != nil {
			return err
		}
		log.Log(ctx, complaint(err), message, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return err
		}
	}
}

// The chain's clock is what Run is given.
var _ Clock = (*chain.Clock)(nil)
