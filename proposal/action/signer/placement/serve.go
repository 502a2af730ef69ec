package placement

import (
	"context"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// For returns the backend that holds a wallet's shares. Which one that is was written down when the key was generated;
// nothing of the configuration changes it. An error wraps ErrNoSigner, ErrBackendFailed, ErrUnsound or ErrUnavailable, of
// which the last alone can pass by itself. It returns at once.
func (p *Pool) For(wallet chain.WalletID) (signer.Backend, error) {
	m, err := p.usable(wallet)
	if err != nil {
		return nil, err
	}
	allowed := func() error { _, err := p.usable(wallet); return err }
	return guard{p, m, allowed}, nil
}

// signed has a backend's counts of signatures written down soon.
func (p *Pool) signed(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.signed = true
}

// Unsignable says why a wallet cannot be signed for now; nil if it can.
func (p *Pool) Unsignable(wallet chain.WalletID) error {
	_, err := p.usable(wallet)
	return err
}

// Home returns which backend holds a wallet's shares; false if none does. It returns at once.
func (p *Pool) Home(wallet chain.WalletID) (id string, assigned bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	session, assigned := p.known.ofWallet[wallet]
	return p.known.assignments[session].Backend, assigned
}

// usable returns the wallet's backend if it can sign for it.
func (p *Pool) usable(wallet chain.WalletID) (*member, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.usableNow(wallet)
}

// usableNow does it under the pool's lock.
func (p *Pool) usableNow(wallet chain.WalletID) (*member, error) {
	if p.known.read.IsZero() {
		return nil, fmt.Errorf("%w: it was not read yet which one holds the wallet", ErrUnavailable)
	}
	session, assigned := p.known.ofWallet[wallet]
	if !assigned {
		return nil, fmt.Errorf("%w: wallet %v", ErrNoSigner, wallet)
	}
	m, err := p.standing(p.known.assignments[session].Backend)
	if err != nil {
		return nil, err
	}
	for _, f := range m.holds.findings {
		if f.Session == session && f.refuses() {
			return nil, fmt.Errorf("%w: %s: %s (signer %s)", ErrUnsound, f.Kind, f.Detail, m.ID)
		}
	}
	for _, other := range p.members {
		if k, holds := other.holds.keys[wallet]; holds && other != m && !k.Exported() {
			if m.holds.keys[wallet].Exported() {
				return nil, fmt.Errorf("%w: it was exported to signer %s, it seems (walletnode signers move %v %s)", ErrUnsound, other.ID, wallet, other.ID)
			}
			return nil, fmt.Errorf("%w: %s: signers %s and %s both hold the wallet", ErrUnsound, Duplicate, m.ID, other.ID)
		}
	}
	if k := m.holds.keys[wallet]; k.State == signer.KeyFrozen {
		return nil, fmt.Errorf("%w: %w: %s (signer %s)", ErrUnsound, signer.ErrFrozen, k.Why, m.ID)
	}
	return m, nil
}

// standing returns a backend that can be asked, or why it cannot. The pool's lock is held.
func (p *Pool) standing(id string) (*member, error) {
	m, there := p.byID[id]
	if !there {
		return nil, fmt.Errorf("%w: signer %s is not in the configuration any more", ErrUnavailable, id)
	}
	switch {
	case p.known.word(m).State == Failed:
		return nil, fmt.Errorf("%w: signer %s", ErrBackendFailed, id)
	case m.trouble != nil && (m.standing == Foreign || m.standing == Suspect || m.compared.IsZero()):
		return nil, fmt.Errorf("%w: signer %s: %w", ErrUnavailable, id, m.trouble)
	case m.compared.IsZero():
		return nil, fmt.Errorf("%w: signer %s has not told yet what it holds", ErrUnavailable, id)
	}
	return m, nil
}

// recorded returns how many signatures a wallet's key has made, as far as is written down.
func (p *Pool) recorded(wallet chain.WalletID) uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.known.assignments[p.known.ofWallet[wallet]].Signatures
}

// distrust has a backend's keys compared with what is written down before it is used again.
func (p *Pool) distrust(m *member) {
	p.mu.Lock()
	m.compared = time.Time{}
	p.mu.Unlock()
	m.nudge()
}

// guard is a backend that is asked for nothing any more once it must not be: an action may have begun before that.
type guard struct {
	pool    *Pool
	m       *member
	allowed func() error
}

var _ signer.Backend = guard{}

// ask makes one call if it is allowed.
func ask[T any](g guard, call func(signer.Backend) (T, error)) (reply T, err error) {
	if err := g.allowed(); err != nil {
		return reply, err
	}
	began := time.Now()
	reply, err = call(g.m.Backend)
	g.m.calls.observe(time.Since(began), err)
	return reply, err
}

func (g guard) Health(ctx context.Context) (signer.Health, error) {
	return ask(g, func(b signer.Backend) (signer.Health, error) { return b.Health(ctx) })
}

func (g guard) Keys(ctx context.Context, after *chain.WalletID, limit int) ([]signer.Key, error) {
	return ask(g, func(b signer.Backend) ([]signer.Key, error) { return b.Keys(ctx, after, limit) })
}

// Brief implements signer.Backend. Who wants to sign asks for the key first, and so a backend that was set back to an older copy of its
// files is found out before it signs, and not only at the next probe. Its error wraps ErrUnsound then.
func (g guard) Brief(ctx context.Context, wallet chain.WalletID) (signer.Key, error) {
	recorded := g.pool.recorded(wallet) // first: counts that are written down meanwhile are not what it has forgotten
	key, err := ask(g, func(b signer.Backend) (signer.Key, error) { return b.Brief(ctx, wallet) })
	if err == nil && key.Signatures < recorded {
		g.pool.distrust(g.m)
		return signer.Key{}, fmt.Errorf("%w: %s: it remembers %d signatures, and had made %d (signer %s)",
			ErrUnsound, RolledBack, key.Signatures, recorded, g.m.ID)
	}
	return key, err
}

func (g guard) Key(ctx context.Context, wallet chain.WalletID) (signer.KeyDetail, error) {
	return ask(g, func(b signer.Backend) (signer.KeyDetail, error) { return b.Key(ctx, wallet) })
}

func (g guard) SealTo(ctx context.Context, session signer.SessionID) (signer.PublicKey, error) {
	return ask(g, func(b signer.Backend) (signer.PublicKey, error) { return b.SealTo(ctx, session) })
}

func (g guard) Generate(ctx context.Context, r signer.GenerateRound) (signer.RoundReply, error) {
	return ask(g, func(b signer.Backend) (signer.RoundReply, error) { return b.Generate(ctx, r) })
}

// Sign implements signer.Backend. What was signed is counted by the backend; its count is written down soon after. An attempt after the
// first looks at the count again: minutes have passed since the action began.
func (g guard) Sign(ctx context.Context, r signer.SignRound) (signer.RoundReply, error) {
	if o := r.Open; o != nil && o.Attempt > 1 {
		if _, err := g.Brief(ctx, o.Intent.Wallet); err != nil {
			return signer.RoundReply{}, err
		}
	}
	reply, err := ask(g, func(b signer.Backend) (signer.RoundReply, error) { return b.Sign(ctx, r) })
	if err == nil {
		g.pool.signed(g.m)
		if reply.Done != nil {
			g.m.calls.signature()
		}
	}
	return reply, err
}

func (g guard) Session(ctx context.Context, id signer.SessionID) (signer.SessionState, error) {
	return ask(g, func(b signer.Backend) (signer.SessionState, error) { return b.Session(ctx, id) })
}

func (g guard) Abort(ctx context.Context, id signer.SessionID) error {
	_, err := ask(g, func(b signer.Backend) (struct{}, error) { return struct{}{}, b.Abort(ctx, id) })
	return err
}

func (g guard) Protection(ctx context.Context, wallet chain.WalletID) (signer.Protection, error) {
	return ask(g, func(b signer.Backend) (signer.Protection, error) { return b.Protection(ctx, wallet) })
}

func (g guard) SetState(ctx context.Context, wallet chain.WalletID, change signer.StateChange) error {
	_, err := ask(g, func(b signer.Backend) (struct{}, error) { return struct{}{}, b.SetState(ctx, wallet, change) })
	return err
}
