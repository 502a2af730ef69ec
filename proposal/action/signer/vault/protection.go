package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// SetState implements signer.Backend. A frozen key can be put to use again, unless it was exported or rolled back. To put to use
// what is in use changes nothing, whatever the term: an instance may ask again after another has signed with the key.
func (v *Vault) SetState(ctx context.Context, wallet chain.WalletID, change signer.StateChange) error {
	k, err := v.readKey(ctx, wallet)
	if err != nil {
		return err
	}
	if err := v.admit(ctx, wallet, change.Term); err != nil {
		var refused *signer.Refused
		if change.State == signer.KeyActive && k.State == signer.KeyActive && errors.As(err, &refused) {
			return k.confirms(change.Record)
		}
		return err
	}
	switch change.State {
	case signer.KeyFrozen:
		if change.Why == "" {
			return fmt.Errorf("%w: a key is frozen for a reason", signer.ErrMalformed)
		}
		return v.ledger.write(ctx, func(tx *tx) error {
			_, err := tx.freeze(wallet, change)
			return err
		})
	case signer.KeyActive:
		if err := k.confirms(change.Record); err != nil {
			return err
		}
		return v.ledger.write(ctx, func(tx *tx) error { return tx.activate(wallet, change.Term) })
	default:
		return fmt.Errorf("%w: a key cannot be made %q (there are: active, frozen)", signer.ErrMalformed, change.State)
	}
}

// confirms checks that every operator has signed the key.
func (k key) confirms(record []byte) error {
	read, err := keygen.ReadRecord(record, k.detail.Roster)
	if err == nil {
		err = read.Matches(k.full())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", signer.ErrMalformed, err)
	}
	return nil
}

// lasting reports whether a key is frozen for ever.
func (k key) lasting() bool {
	return k.State == signer.KeyFrozen && (k.Why == signer.WhyExported || k.Why == signer.WhyRolledBack)
}

// freeze freezes a key and returns it as it was before. A reason that holds for ever is not replaced.
func (t *tx) freeze(wallet chain.WalletID, change signer.StateChange) (key, error) {
	k, err := t.key(wallet)
	if err != nil {
		return key{}, err
	}
	if err := t.stillServed(k, change.Term); err != nil || k.lasting() {
		return k, err
	}
	return k, t.exec(`UPDATE keys SET state = ?, why = ? WHERE wallet = ?`, string(signer.KeyFrozen), change.Why, wallet[:])
}

func (t *tx) activate(wallet chain.WalletID, term signer.Term) error {
	k, err := t.key(wallet)
	if err != nil {
		return err
	}
	if k.lasting() {
		return fmt.Errorf("%w for ever: wallet %v: %s", signer.ErrFrozen, wallet, k.Why)
	}
	if err := t.stillServed(k, term); err != nil {
		return err
	}
	return t.exec(`UPDATE keys SET state = ?, why = '' WHERE wallet = ?`, string(signer.KeyActive), wallet[:])
}

// maxProtected is how many slots and outpoints Protection shows.
const maxProtected = 100

// Protection implements signer.Backend.
func (v *Vault) Protection(ctx context.Context, wallet chain.WalletID) (p signer.Protection, err error) {
	err = v.ledger.read(ctx, func(tx *tx) error {
		p, err = tx.protection(wallet)
		return err
	})
	return p, err
}

// protection reads what a wallet's key is bound to, newest first.
func (t *tx) protection(wallet chain.WalletID) (signer.Protection, error) {
	k, err := t.key(wallet)
	if err != nil {
		return signer.Protection{}, err
	}
	p := signer.Protection{Wallet: wallet, LastWindow: k.LastWindow, Signatures: k.Signatures}
	if p.Term, err = t.term(wallet); err != nil {
		return signer.Protection{}, err
	}
	slots := t.each(`SELECT window, intent FROM slots WHERE wallet = ? ORDER BY window DESC LIMIT ?`, []any{wallet[:], maxProtected},
		func(scan func(...any) error) error {
			var window int64
			var intent []byte
			if err := scan(&window, &intent); err != nil {
				return err
			}
			p.Slots = append(p.Slots, signer.Slot{Window: chain.Height(window), Intent: signer.Digest(intent)}) //nolint:gosec // as written
			return nil
		})
	outpoints := t.each(`SELECT tx, idx, window, intent FROM outpoints WHERE wallet = ? ORDER BY window DESC, tx, idx LIMIT ?`,
		[]any{wallet[:], maxProtected}, func(scan func(...any) error) error {
			var hash, intent []byte
			var index, window int64
			if err := scan(&hash, &index, &window, &intent); err != nil {
				return err
			}
			p.Outpoints = append(p.Outpoints, signer.Outpoint{
				TxHash: signer.Digest(hash), Index: uint32(index), Window: chain.Height(window), Intent: signer.Digest(intent), //nolint:gosec // as written
			})
			return nil
		})
	return p, errors.Join(slots, outpoints)
}
