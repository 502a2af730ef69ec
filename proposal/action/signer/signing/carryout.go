package signing

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// patience is for how many blocks after an action's first what it takes is asked for again and again. What has not come by then
// is missed, and the action ends with an outcome that says so while there is still time to mend it and to try again.
const patience = attemptLength

// writeTimeout bounds what is written after the action's context has ended: what was signed must be known afterwards.
const writeTimeout = 5 * time.Second

// stop is why an action ends without a signature.
type stop struct {
	outcome action.Outcome
	detail  string
}

func (s *stop) Error() string { return string(s.outcome) + ": " + s.detail }

func stopFor(outcome action.Outcome, err error) error { return &stop{outcome, err.Error()} }

func (s *Service) logger(o proposal.Order) *slog.Logger {
	return s.cfg.Logger.With("wallet", o.Wallet, "window", o.Window, "action", o.Proposal.Kind())
}

// carryOut takes an order to its signature. transaction makes what is to be signed, nil for a heartbeat; it is not asked if an
// intent is stored, for that is signed or nothing is.
func (s *Service) carryOut(ctx context.Context, o proposal.Order, transaction builder) (action.Outcome, string) {
	j, stored, err := s.prepare(ctx, o, transaction)
	if err == nil && len(stored.Signed) > 0 {
		return action.OK, summary(stored)
	}
	var topic Topic
	if err == nil {
		topic, err = asked(ctx, s, o, action.HandlerFailed, func() (Topic, error) { return s.cfg.Open(j.wallet) })
	}
	if err != nil {
		outcome, detail := ended(ctx, err)
		if witnesses(outcome) {
			s.attend(ctx, o, transaction, nil)
		}
		return outcome, detail
	}
	r := newRun(s.cfg, j, topic, s.logger(o))
	e := r.sign(ctx)
	switch {
	case e.signatures != nil:
	case witnesses(e.outcome):
		s.attend(ctx, o, transaction, r)
		return e.outcome, e.detail
	default:
		r.closeTopic()
		return s.unsigned(ctx, r, e)
	}
	s.handOver(ctx, newAfterglow(r, e))
	return s.save(ctx, &j, e)
}

// ended returns the outcome that an error stands for; none if ctx has ended.
func ended(ctx context.Context, err error) (action.Outcome, string) {
	why, known := errors.AsType[*stop](err)
	switch {
	case known:
		return why.outcome, why.detail
	case ctx.Err() != nil:
		return "", err.Error()
	default:
		return action.HandlerFailed, err.Error()
	}
}

// unsigned returns the outcome of a run without signatures. One whose wallet is not served under its term any more waits to be told.
func (s *Service) unsigned(ctx context.Context, r *run, e ending) (action.Outcome, string) {
	if e.outcome == "" && r.lost {
		<-ctx.Done()
	}
	return e.outcome, e.detail
}

// asked asks until there is an answer, ctx ends, or the action's patience or time does: then the outcome is the given one. It asks
// again at each block.
func asked[T any](ctx context.Context, s *Service, o proposal.Order, otherwise action.Outcome, ask func() (T, error)) (answer T, err error) {
	var failure error // the newest that is not of ctx's end
	for told := false; ; {
		changed := s.cfg.Clock.Changed()
		answer, err = ask()
		if err == nil {
			return answer, nil
		}
		if _, final := errors.AsType[*stop](err); final {
			return answer, err
		}
		if ctx.Err() != nil {
			return answer, cutOff(ctx, otherwise, cmp.Or(failure, err))
		}
		failure = err
		if s.cfg.Clock.Height() >= o.SigningStart()+patience {
			return answer, stopFor(otherwise, err)
		}
		if !told && !errors.Is(err, chain.ErrNotServed) {
			s.logger(o).Warn("An action waits for what it takes", "error", err)
			told = true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return answer, cutOff(ctx, otherwise, failure)
		}
	}
}

// cutOff returns why something did not come before ctx ended. Where the head goes on many blocks at once, or one question takes
// all the time there is, patience is not what ends the wait; what was waited for in vain is the same.
func cutOff(ctx context.Context, otherwise action.Outcome, err error) error {
	if errors.Is(context.Cause(ctx), action.ErrExpired) {
		return stopFor(otherwise, err)
	}
	return err
}

// save stores what was signed. The signature is in the world: it is written down also when the action's time is over.
func (s *Service) save(ctx context.Context, j *job, e ending) (action.Outcome, string) {
	signed, err := j.signed(e.signatures)
	if err != nil {
		return action.HandlerFailed, err.Error()
	}
	for {
		changed, height := s.cfg.Clock.Changed(), s.cfg.Clock.Height()
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		err := s.cfg.Log.SaveSigned(write, j.wallet.ID(), j.order.Window, Success{signed.Signed, signed.TxHash, height, e.report})
		cancel()
		if err == nil {
			return action.OK, summary(signed)
		}
		if ctx.Err() != nil {
			return "", err.Error() // the others have it, and whoever takes the action up again is told
		}
		s.logger(j.order).Error("Could not record a signature", "error", err)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// signed puts together what came of a job: Intent, Signed and TxHash.
func (j *job) signed(signatures [][]byte) (Signing, error) {
	s := Signing{Intent: j.intent, Signed: signatures[0]}
	tx := j.intent.Transaction
	if tx == nil {
		return s, nil
	}
	assembled, err := bitcoin.Assemble(bitcoin.Wallet{Key: j.wallet.Key(), Scheme: j.key.Scheme}, tx, signatures)
	if err != nil {
		return s, err
	}
	s.Signed, s.TxHash = bitcoin.Serialize(assembled), signer.Digest(assembled.TxHash())
	return s, nil
}

// summary says for people what was signed.
func summary(s Signing) string {
	if s.Intent.Transaction == nil {
		return "signature " + hex.EncodeToString(s.Signed)
	}
	return "transaction " + TxID(s.TxHash)
}

// TxID writes a transaction's hash as Bitcoin shows it: its bytes in reverse.
func TxID(hash signer.Digest) string {
	slices.Reverse(hash[:])
	return hex.EncodeToString(hash[:])
}
