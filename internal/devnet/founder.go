package devnet

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// founder is a running node that takes part in key generations.
type founder interface {
	// finds reports whether the node finds so many signers well, and none else.
	finds(ctx context.Context, signers int) bool
	// ceremony returns how far a key generation has come; keygen.ErrUnknown if the node has not heard of it.
	ceremony(ctx context.Context, session signer.SessionID) (ceremony, error)
	accept(ctx context.Context, session signer.SessionID) error
}

// ceremony is one operator's view of a key generation.
type ceremony struct {
	State  keygen.State
	Detail string
	Wallet chain.WalletID // zero before the operator has its shares
}

// founder returns the operator's running node.
func (o *operator) founder() (founder, error) {
	f, ok := o.running.(founder)
	if !ok {
		return nil, fmt.Errorf("the node of operator %v does not run, or cannot be asked to generate keys", o.address)
	}
	return f, nil
}

// finds implements founder.
func (r *inside) finds(_ context.Context, signers int) bool {
	all := r.node.Signers().Backends()
	return len(all) == signers && !slices.ContainsFunc(all, func(s placement.Status) bool { return s.Standing != placement.Healthy })
}

// ceremony implements founder.
func (r *inside) ceremony(ctx context.Context, session signer.SessionID) (ceremony, error) {
	status, err := r.node.Keygen().Status(ctx, session)
	return ceremony{status.State, status.Detail, status.Wallet}, err
}

// accept implements founder.
func (r *inside) accept(ctx context.Context, session signer.SessionID) error {
	return r.node.Keygen().Accept(ctx, session)
}

// finds implements founder: all of them do.
func (f fleet) finds(ctx context.Context, signers int) bool {
	for _, it := range f {
		p := it.process()
		if p == nil {
			return false
		}
		all, err := p.client.Signers(ctx)
		if err != nil || len(all.Signers) != signers {
			return false
		}
		for _, s := range all.Signers {
			if s.Health != string(placement.Healthy) {
				return false
			}
		}
	}
	return true
}

// ceremony implements founder: as the first instance tells it, whichever takes part.
func (f fleet) ceremony(ctx context.Context, session signer.SessionID) (ceremony, error) {
	p := f[0].process()
	if p == nil {
		return ceremony{}, fmt.Errorf("instance %s is down", f[0].name)
	}
	all, err := p.client.Keygens(ctx)
	if err != nil {
		return ceremony{}, err
	}
	for _, k := range all.Keygens {
		if k.Session != session.String() {
			continue
		}
		c := ceremony{State: keygen.State(k.State), Detail: k.Detail}
		if k.Wallet != nil {
			c.Wallet = *k.Wallet
		}
		return c, nil
	}
	return ceremony{}, keygen.ErrUnknown
}

// accept implements founder: the first instance takes part.
func (f fleet) accept(ctx context.Context, session signer.SessionID) error {
	p := f[0].process()
	if p == nil {
		return fmt.Errorf("instance %s is down", f[0].name)
	}
	_, err := p.client.AcceptKeygen(ctx, session.String())
	return err
}
