package placement

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Choose picks the backend of a new key and writes it down, pending: the key generation must not begin before that. A session
// that has a backend keeps it. errNoCandidate says why none can take the key.
func (p *Pool) Choose(ctx context.Context, session signer.SessionID, scheme signer.Scheme) (signer.Backend, error) {
	switch a, err := p.cfg.Log.AssignmentBy(ctx, session); {
	case err == nil:
		return p.place(a)
	case !errors.Is(err, ErrNotAssigned):
		return nil, err
	}
	if err := p.refresh(ctx); err != nil {
		return nil, err
	}
	candidates, why := p.candidates(scheme)
	id, ok := choose(p.cfg.Policy, session, candidates, p.draw)
	if !ok {
		return nil, fmt.Errorf("%w: %w", errNoCandidate, why)
	}
	a, err := p.cfg.Log.Assign(ctx, session, id, p.cfg.Policy)
	if err != nil {
		return nil, err
	}
	p.note(a)
	return p.place(a)
}

// Chosen returns the backend of a key generation that was begun; ErrNotAssigned if it has none.
func (p *Pool) Chosen(ctx context.Context, session signer.SessionID) (signer.Backend, error) {
	a, err := p.cfg.Log.AssignmentBy(ctx, session)
	if err != nil {
		return nil, err
	}
	return p.place(a)
}

// Confirm writes down that the key is there. From then on the backend serves the wallet.
func (p *Pool) Confirm(ctx context.Context, session signer.SessionID, wallet chain.WalletID) error {
	if err := p.cfg.Log.Confirm(ctx, session, wallet); err != nil {
		return err
	}
	a, err := p.cfg.Log.AssignmentBy(ctx, session)
	if err == nil {
		p.note(a)
	}
	return err
}

// Abandon writes down that the key generation failed. One that was confirmed stays as it is.
func (p *Pool) Abandon(ctx context.Context, session signer.SessionID) error {
	if err := p.cfg.Log.Abandon(ctx, session); err != nil {
		return err
	}
	a, err := p.cfg.Log.AssignmentBy(ctx, session)
	if errors.Is(err, ErrNotAssigned) {
		return nil // it had none
	}
	if err == nil {
		p.note(a)
	}
	return err
}

// note takes up one assignment that was just written.
func (p *Pool) note(a Assignment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.known.read.IsZero() {
		p.known = p.known.with(a)
	}
}

// place returns the backend of an assignment, if it can be asked.
func (p *Pool) place(a Assignment) (signer.Backend, error) {
	if a.State == Abandoned {
		return nil, fmt.Errorf("%w: the key generation was given up", ErrNotAssigned)
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	m, err := p.standing(a.Backend)
	if err != nil {
		return nil, err
	}
	allowed := func() error {
		p.mu.RLock()
		defer p.mu.RUnlock()
		_, err := p.standing(a.Backend)
		return err
	}
	return guard{p, m, allowed}, nil
}

// candidates returns the backends that can take a new key, or why there are none.
func (p *Pool) candidates(scheme signer.Scheme) (can []candidate, why error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	load := make(map[string]int)
	for _, a := range p.known.assignments {
		if a.State != Abandoned {
			load[a.Backend]++
		}
	}
	var cannot []error
	for _, m := range p.members {
		if err := p.eligible(m, scheme); err != nil {
			cannot = append(cannot, fmt.Errorf("signer %s: %w", m.ID, err))
			continue
		}
		can = append(can, candidate{m.ID, m.Weight, max(load[m.ID], m.health.Keys)})
	}
	if len(p.members) == 0 {
		cannot = append(cannot, errors.New("none is configured: add one with [[signers]]"))
	}
	return can, errors.Join(cannot...)
}

// eligible says why a backend cannot take a new key.
func (p *Pool) eligible(m *member, scheme signer.Scheme) error {
	if _, err := p.standing(m.ID); err != nil {
		return err
	}
	switch state := p.known.word(m).State; {
	case state != Active:
		return fmt.Errorf("it is %s", state)
	case !m.health.Accepting:
		return errors.New("it accepts no new keys")
	case m.health.Capacity > 0 && m.health.Keys >= m.health.Capacity:
		return fmt.Errorf("it is full: %d keys", m.health.Keys)
	case !slices.Contains(m.health.Schemes, scheme):
		return fmt.Errorf("it does not know the scheme %s", scheme)
	}
	return nil
}
