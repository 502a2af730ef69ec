package signing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// builder makes what is to be signed: nil of a heartbeat.
type builder func(ctx context.Context, j *job) (*signer.Transaction, error)

// witness is a node whose own signer takes no part in an action. It works out for itself what is to be signed, and takes the
// others' result if that is a signature of it: the next transaction spends this one. The action's outcome stays what it is.
type witness struct {
	*Service
	order proposal.Order
	build builder
	log   *slog.Logger

	topic  Topic // nil: not opened yet
	jobs   []job // what is to be signed, once it is known; one for each scheme that the wallet may be of
	lender *lender
	looked map[chain.Operator]int // results that were looked at
}

// witnesses reports whether an action that ends so may be signed by others.
func witnesses(outcome action.Outcome) bool {
	switch outcome {
	case action.NoSigner, action.SignerUnavailable, action.SignerRefused:
		return true
	default:
		return false
	}
}

// attend has the service listen for the others' result. run is that of the own attempts, nil if there were none; its topic is the
// witness's from now on.
func (s *Service) attend(ctx context.Context, o proposal.Order, build builder, r *run) {
	w := &witness{Service: s, order: o, build: build, log: s.logger(o), looked: make(map[chain.Operator]int)}
	if r != nil {
		w.topic, w.jobs, w.lender = r.topic, []job{r.job}, r.lender
	}
	s.handOver(ctx, newStay(o.Wallet, o.SigningEnd(), w.play, w.closeTopic))
}

func (w *witness) closeTopic() {
	if w.topic != nil {
		_ = w.topic.Close() // it ends with the network at the latest
	}
}

func (w *witness) play(ctx context.Context) {
	if w.jobs == nil && !w.prepare(ctx) {
		return
	}
	if w.topic == nil {
		topic, err := w.cfg.Open(w.jobs[0].wallet)
		if err != nil {
			w.log.Warn("Could not listen for what others sign", "error", err)
			return
		}
		w.topic = topic
	}
	w.cfg.heed(ctx, w.topic, func(by chain.Operator, content any) (enough bool) {
		switch m := content.(type) {
		case result:
			if w.jobs[0].wallet.Holds(by) && w.looked[by] < maxResults {
				w.looked[by]++
				enough = w.take(ctx, m)
			}
		case wanted:
			w.lender.hear(ctx, w.topic, by, m)
		}
		return enough
	})
}

// prepare works out what is to be signed; false if that cannot be done within an attempt's time.
func (w *witness) prepare(ctx context.Context) bool {
	for until := w.cfg.Clock.Height() + patience; ; {
		changed := w.cfg.Clock.Changed()
		jobs, err := w.intents(ctx)
		if err == nil {
			w.jobs, w.lender = jobs, w.cfg.lender(jobs[0].wallet, w.order, jobs[0].intent.Transaction)
			return true
		}
		if ctx.Err() != nil || w.cfg.Clock.Height() >= until ||
			errors.Is(err, ErrOtherIntent) || errors.Is(err, ErrBarred) || errors.Is(err, chain.ErrNotServed) {
			w.log.Debug("Cannot say what others sign", "error", err)
			return false
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// intents returns what is to be signed, under each scheme that the wallet may be of. It is stored, as what was signed will be.
func (w *witness) intents(ctx context.Context) (all []job, err error) {
	j := job{order: w.order}
	var served, known bool
	if j.term, served = w.cfg.Term(w.order.Wallet); !served {
		return nil, chain.ErrNotServed
	}
	if j.wallet, err = w.cfg.Source.Wallet(ctx, w.order.Wallet); err != nil {
		return nil, err
	}
	stored, known, err := w.cfg.Log.Signing(ctx, w.order.Wallet, w.order.Window)
	if err != nil {
		return nil, err
	}
	if known {
		j.intent, j.digest = stored.Intent, stored.Digest
	} else if err := w.intend(ctx, w.order, &j, w.build); err != nil {
		return nil, err
	}
	for _, scheme := range signer.Schemes() {
		j.key.Scheme = scheme
		if tx := j.intent.Transaction; tx != nil && (len(tx.Prevouts) == 0 || string(tx.Prevouts[0].Script) != string(bitcoin.ScriptOf(scheme, j.wallet.Key()))) {
			continue
		}
		one := j
		if err := w.hash(&one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the intent of window %d spends nothing of the wallet", w.order.Window)
	}
	return all, nil
}

// take stores a result that is one; false if it is none.
func (w *witness) take(ctx context.Context, m result) bool {
	for i := range w.jobs {
		j := &w.jobs[i]
		err := j.proves(m)
		if err != nil {
			w.log.Debug("Ignored a result", "error", err)
			continue
		}
		signed, err := j.signed(m.signatures)
		if err != nil {
			w.log.Error("Could not put together what others signed", "error", err)
			return true
		}
		w.store(ctx, signed)
		return true
	}
	return false
}

// store writes down what others signed, unless the wallet is another instance's by now, which hears it too.
func (w *witness) store(ctx context.Context, signed Signing) {
	for {
		changed, height := w.cfg.Clock.Changed(), w.cfg.Clock.Height()
		write, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
		err := w.cfg.Log.SaveSigned(write, w.order.Wallet, w.order.Window, Success{Raw: signed.Signed, TxHash: signed.TxHash, At: height})
		cancel()
		switch {
		case err == nil:
			w.log.Info("Others have signed what was agreed on", "detail", summary(signed))
			return
		case ctx.Err() != nil, errors.Is(err, chain.ErrNotServed):
			return
		}
		w.log.Error("Could not record what others signed", "error", err)
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
