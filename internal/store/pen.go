package store

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

var (
	_ coordination.WindowLog = (*Pen)(nil)
	_ coordination.ResultLog = (*Pen)(nil)
	_ action.Log             = (*Pen)(nil)
)

// Prover returns what proves that this instance is responsible for a wallet at this moment, or an error that says why it is
// not; one that wraps chain.ErrNotServed is no failure. It must return at once.
type Prover func(chain.WalletID) (cluster.Fence, error)

// Pen writes into a store that other instances write into too. What it writes for a wallet is written in a transaction
// that proves first that the wallet is this instance's: owner, boot, epoch, generation and a session that lives, with the
// owner's row locked before the clock is read. Otherwise nothing is written, and the error is cluster.ErrFenced.
type Pen struct {
	scribe
}

// Under returns the pen of an instance that proves its wallets with prove.
func (s *Store) Under(prove Prover) *Pen {
	p := &Pen{s.scribe}
	p.prove = func(wallet chain.WalletID) (cluster.Fence, error) {
		fence, err := prove(wallet)
		if err == nil && fence.Wallet != wallet {
			err = fmt.Errorf("%w: what proves %v is for another one", cluster.ErrFenced, wallet)
		}
		return fence, err
	}
	return p
}

// scribe is what a store writes for one wallet: with a prover under its fence, and without one, as the only node, as it is.
type scribe struct {
	Reader
	writes *writer
	teller *teller
	prove  Prover // nil of an only node
}

// write commits a change that concerns one wallet.
func (s scribe) write(ctx context.Context, action string, wallet chain.WalletID, c change) error {
	defer s.teller.wake()
	if s.prove == nil {
		return s.writes.do(ctx, action, c)
	}
	fence, err := s.prove(wallet)
	if err != nil {
		return wrap(action, err)
	}
	return s.writes.doFenced(ctx, action, fence, c)
}

// proves reports whether this instance is responsible for a wallet as far as it knows.
func (s scribe) proves(wallet chain.WalletID) bool {
	_, err := s.prove(wallet)
	return err == nil
}

// PendingActions implements action.Log: of the wallets that this instance is responsible for. Others are carried out by
// their owners.
func (p *Pen) PendingActions(ctx context.Context) ([]proposal.Order, error) {
	all, err := p.scribe.PendingActions(ctx)
	if err != nil {
		return nil, err
	}
	var ours []proposal.Order
	for _, o := range all {
		if p.proves(o.Wallet) {
			ours = append(ours, o)
		}
	}
	return ours, nil
}
