package signing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// prepare gathers what a signature takes. Everything is stored before anybody is asked for anything.
func (s *Service) prepare(ctx context.Context, o proposal.Order, transaction builder) (j job, stored Signing, err error) {
	j = job{order: o}
	var served bool
	if j.term, served = s.cfg.Term(o.Wallet); !served {
		<-ctx.Done() // the dispatcher is about to let it go
		return j, stored, ctx.Err()
	}
	known := false
	read := func() (row Signing, err error) {
		row, known, err = s.cfg.Log.Signing(ctx, o.Wallet, o.Window)
		return row, err
	}
	writing := s.keeps(o.Wallet)
	stored, err = asked(ctx, s, o, action.StoreFailed, read)
	if err == nil && len(stored.Signed) == 0 && s.takeBack(o.Wallet) && writing { // which may have written meanwhile
		stored, err = asked(ctx, s, o, action.StoreFailed, read)
	}
	if err != nil || len(stored.Signed) > 0 {
		return j, stored, err
	}
	if j.wallet, err = asked(ctx, s, o, action.ValidationError, func() (chain.Wallet, error) { return s.cfg.Source.Wallet(ctx, o.Wallet) }); err != nil {
		return j, stored, err
	}
	if err = s.findKey(ctx, o, &j); err != nil {
		return j, stored, err
	}
	if known {
		j.intent, j.digest, j.begun = stored.Intent, stored.Digest, stored.Begun
	} else if err = s.intend(ctx, o, &j, transaction); err != nil {
		return j, stored, err
	}
	return j, stored, s.hash(&j)
}

// findKey finds the backend of the wallet and what it says of its shares.
func (s *Service) findKey(ctx context.Context, o proposal.Order, j *job) error {
	key, err := asked(ctx, s, o, action.SignerUnavailable, func() (signer.Key, error) {
		backend, err := s.cfg.Backends.For(o.Wallet)
		if err == nil {
			j.backend = backend
			var key signer.Key
			if key, err = backend.Brief(ctx, o.Wallet); err == nil {
				return key, nil
			}
		}
		switch {
		case errors.Is(err, signer.ErrNoSigner):
			err = stopFor(action.NoSigner, err)
		case errors.Is(err, signer.ErrBackendFailed):
			err = stopFor(action.SignerUnavailable, err)
		case errors.Is(err, signer.ErrForbidden), errors.Is(err, signer.ErrFrozen):
			err = stopFor(action.SignerRefused, err)
		}
		return signer.Key{}, err
	})
	if err != nil {
		return err
	}
	j.key = key
	own := seatsOf(j.wallet, s.cfg.Self, key.Seats)
	switch {
	case key.State != signer.KeyActive:
		return stopFor(action.SignerRefused, fmt.Errorf("the key is %s in its backend: %s", key.State, key.Why))
	case !slices.Equal(key.GroupKey, keyBytes(j.wallet)), key.SeatCount != j.wallet.Seats(), len(own) != len(key.Seats), signer.CheckSeats(own) != nil,
		key.Threshold < 1, key.Threshold > key.SeatCount:
		return stopFor(action.SignerUnavailable, errors.New("the backend holds another key than the wallet's, or seats of others"))
	}
	return nil
}

func keyBytes(w chain.Wallet) signer.HexBytes {
	key := w.Key()
	return key[:]
}

// intend makes the intent and stores it.
func (s *Service) intend(ctx context.Context, o proposal.Order, j *job, transaction builder) (err error) {
	defer func() { j.search.close() }() // before the topic is opened again
	j.intent = signer.Intent{Wallet: o.Wallet, Window: o.Window}
	j.intent.Statement, err = asked(ctx, s, o, action.HandlerFailed, func() ([]byte, error) { return s.cfg.Source.Statement(ctx, o) })
	if err != nil {
		return err
	}
	var reason error
	j.intent.Transaction, err = asked(ctx, s, o, action.ValidationError, func() (*signer.Transaction, error) {
		tx, err := transaction(ctx, j)
		if _, never := errors.AsType[*unbuildable](err); never {
			return nil, stopFor(outcomeOf(err), err)
		}
		if reason == nil || ctx.Err() == nil {
			reason = err
		}
		return tx, err
	})
	if why, out := errors.AsType[*stop](err); out && reason != nil {
		why.outcome = outcomeOf(reason) // what it waited for in vain
	}
	if err != nil {
		return err
	}
	j.digest = j.intent.Digest(o.Proposal)
	row := Signing{Wallet: o.Wallet, Window: o.Window, Digest: j.digest, Intent: j.intent, BegunAt: s.cfg.Clock.Height()}
	_, err = asked(ctx, s, o, action.StoreFailed, func() (struct{}, error) {
		err := s.cfg.Log.SaveIntent(ctx, row)
		if errors.Is(err, ErrOtherIntent) || errors.Is(err, ErrBarred) {
			err = stopFor(action.HandlerFailed, err)
		}
		return struct{}{}, err
	})
	return err
}

// hash works out what is signed, and how it is checked. A backend works it out by itself, too.
func (s *Service) hash(j *job) (err error) {
	w := bitcoin.Wallet{Key: j.wallet.Key(), Scheme: j.key.Scheme}
	if j.signables, err = bitcoin.Signables(w, j.order.Proposal, j.intent.Transaction); err != nil {
		return stopFor(action.HandlerFailed, fmt.Errorf("work out what is to be signed: %w", err))
	}
	j.verify = func(what signer.Signable, signature []byte) error { return bitcoin.Verify(w, what, signature) }
	tx := j.intent.Transaction
	j.check = func(signatures [][]byte) error {
		if tx == nil {
			return nil
		}
		_, err := bitcoin.Assemble(w, tx, signatures)
		return err
	}
	return nil
}
