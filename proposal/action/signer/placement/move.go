package placement

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ErrNotMoved says that a wallet's key is not, or not only, where it is said to be.
var ErrNotMoved = errors.New("the wallet stays with its signer")

// Move records that a wallet is served by another backend from now on, on all instances: by the one into which its key was
// imported. Both are asked first: that one must hold the wallet's key, remember all of its signatures and be allowed to use it, and
// the one before must not be able to use it any more. One that cannot be asked must have been declared failed. ErrNotMoved says
// what is missing; what was moved already is left as it is.
func (p *Pool) Move(ctx context.Context, wallet chain.WalletID, to string) error {
	known, err := p.load(ctx)
	if err != nil {
		return err
	}
	session, assigned := known.ofWallet[wallet]
	if !assigned {
		return fmt.Errorf("%w: wallet %v", ErrNoSigner, wallet)
	}
	a := known.assignments[session]
	if a.Backend == to {
		return nil
	}
	next, configured := p.byID[to]
	if !configured {
		return fmt.Errorf("%w: %.40q", ErrUnknown, to)
	}
	if err := p.holdsAll(ctx, next, a); err != nil {
		return fmt.Errorf("%w: signer %s: %w", ErrNotMoved, to, err)
	}
	if err := p.gaveUp(ctx, known, a); err != nil {
		return fmt.Errorf("%w: signer %s: %w", ErrNotMoved, a.Backend, err)
	}
	if err := p.cfg.Log.Reassign(ctx, session, a.Backend, to); err != nil {
		return err
	}
	p.cfg.Logger.Info("A wallet was moved to another signer", "wallet", wallet.String(), "from", a.Backend, "to", to)
	if _, err := p.load(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members { // what each of them must hold is something else now
		if m.ID == a.Backend || m.ID == to {
			m.signed = true
			m.nudge()
		}
	}
	return nil
}

// keyNow asks a backend for one key, whatever was seen of it before.
func (p *Pool) keyNow(ctx context.Context, m *member, wallet chain.WalletID) (signer.Key, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	detail, err := m.Backend.Key(ctx, wallet)
	return detail.Key, err
}

// holdsAll says why a backend cannot take a wallet over; nil if it can.
func (p *Pool) holdsAll(ctx context.Context, m *member, a Assignment) error {
	p.mu.RLock()
	_, err := p.standing(m.ID)
	p.mu.RUnlock()
	if err != nil {
		return err
	}
	k, err := p.keyNow(ctx, m, a.Wallet)
	if err != nil {
		return err
	}
	switch detail := differs(k, a); {
	case detail != "":
		return errors.New(detail)
	case k.Session != a.Session:
		return fmt.Errorf("its key is of key generation %v, not %v", k.Session, a.Session)
	case k.State != signer.KeyActive:
		return fmt.Errorf("its key is %s %s", k.State, k.Why)
	case k.Signatures < a.Signatures:
		return fmt.Errorf("it remembers %d signatures, and %d were made: import the newest export", k.Signatures, a.Signatures)
	}
	return nil
}

// gaveUp says why the backend before may still use a wallet's key; nil if it cannot, or is asked for nothing any more.
func (p *Pool) gaveUp(ctx context.Context, known records, a Assignment) error {
	m, configured := p.byID[a.Backend]
	if !configured || known.word(m).State == Failed {
		return nil
	}
	k, err := p.keyNow(ctx, m, a.Wallet)
	switch {
	case errors.Is(err, signer.ErrUnknownKey):
		return nil
	case err != nil:
		return fmt.Errorf("%w (if it is gone for good: walletnode signers fail %s)", err, a.Backend)
	case !k.Exported():
		return errors.New("it holds the key, and has not exported it (walletnode signer export)")
	}
	return nil
}
