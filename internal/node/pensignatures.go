package node

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// What is asked of signers is written down under the fence as well: an instance whose wallet was given to another one asks
// nobody any more.

// Signing implements signing.Log.
func (f fenced) Signing(ctx context.Context, wallet chain.WalletID, window chain.Height) (signing.Signing, bool, error) {
	return f.pen.Signing(ctx, wallet, window)
}

// Signings implements signing.Log.
func (f fenced) Signings(ctx context.Context, wallet chain.WalletID, before chain.Height, limit int) ([]signing.Signing, error) {
	return f.pen.Signings(ctx, wallet, before, limit)
}

// SaveIntent implements signing.Log.
func (f fenced) SaveIntent(ctx context.Context, s signing.Signing) error {
	return f.under(s.Wallet, func() error { return f.pen.SaveIntent(ctx, s) })
}

// BeginAttempt implements signing.Log.
func (f fenced) BeginAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, attempt uint32) error {
	return f.under(wallet, func() error { return f.pen.BeginAttempt(ctx, wallet, window, attempt) })
}

// EndAttempt implements signing.Log.
func (f fenced) EndAttempt(ctx context.Context, wallet chain.WalletID, window chain.Height, a signing.Attempt, blames []signing.Blame) error {
	return f.under(wallet, func() error { return f.pen.EndAttempt(ctx, wallet, window, a, blames) })
}

// SaveSigned implements signing.Log.
func (f fenced) SaveSigned(ctx context.Context, wallet chain.WalletID, window chain.Height, s signing.Success) error {
	return f.under(wallet, func() error { return f.pen.SaveSigned(ctx, wallet, window, s) })
}

// SaveInactivity implements signing.Log.
func (f fenced) SaveInactivity(ctx context.Context, wallet chain.WalletID, window chain.Height, absent signing.Absence, at chain.Height) error {
	return f.under(wallet, func() error { return f.pen.SaveInactivity(ctx, wallet, window, absent, at) })
}
