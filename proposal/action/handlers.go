package action

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// ErrSignerRefused says that a signer backend will not sign: it applied a rule of its own, which the error's text
// names. Every other error of a Signer counts as its being unavailable.
var ErrSignerRefused = errors.New("signer refused")

// Signer is the signer backend of one wallet.
type Signer interface {
	// Sign takes part in the threshold signature of a digest. Nodes that agreed on the same order name the same
	// session, and others never do, so that shares for different proposals do not mix (rule R3). It must not
	// release a share once ctx has ended.
	Sign(ctx context.Context, session, digest [32]byte) error
}

// Signers finds a wallet's signer backend.
type Signers interface {
	// SignerOf returns false if the node has none for the wallet.
	SignerOf(wallet chain.WalletID) (Signer, bool)
}

// NoSigners has no signer backend for any wallet: agreed actions end as NoSigner.
type NoSigners struct{}

// SignerOf implements Signers.
func (NoSigners) SignerOf(chain.WalletID) (Signer, bool) { return nil, false }

// Handlers returns the table of handlers that sign with the given backends.
func Handlers(signers Signers) map[proposal.Kind]Handler {
	return map[proposal.Kind]Handler{
		proposal.KindHeartbeat:       heartbeat{signers},
		proposal.KindDepositSweep:    transaction{signers},
		proposal.KindRedemption:      transaction{signers},
		proposal.KindMovingFunds:     transaction{signers},
		proposal.KindMovedFundsSweep: transaction{signers},
	}
}

// Session identifies the signing of an order: a hash of wallet, window and canonical proposal.
func Session(o proposal.Order) [32]byte {
	return proposal.Message{Block: o.Window, Wallet: o.Wallet, Proposal: o.Proposal}.Digest()
}

// heartbeat signs the double SHA-256 of the heartbeat's message.
type heartbeat struct{ signers Signers }

// Handle implements Handler.
func (h heartbeat) Handle(ctx context.Context, o proposal.Order) (Outcome, string) {
	beat, ok := o.Proposal.(proposal.Heartbeat)
	if !ok {
		return HandlerFailed, fmt.Sprintf("%v is not a heartbeat", o.Proposal.Kind())
	}
	signer, ok := h.signers.SignerOf(o.Wallet)
	if !ok {
		return NoSigner, ""
	}
	inner := sha256.Sum256(beat.Message[:])
	err := signer.Sign(ctx, Session(o), sha256.Sum256(inner[:]))
	switch {
	case err == nil:
		return OK, ""
	case ctx.Err() != nil:
		return "", ""
	case errors.Is(err, ErrSignerRefused):
		return SignerRefused, err.Error()
	default:
		return SignerUnavailable, err.Error()
	}
}

// transaction is the handler of the kinds that end in a Bitcoin transaction. Without Bitcoin data it cannot be built,
// so a backend is asked for nothing.
type transaction struct{ signers Signers }

// Handle implements Handler.
func (h transaction) Handle(_ context.Context, o proposal.Order) (Outcome, string) {
	if _, ok := h.signers.SignerOf(o.Wallet); !ok {
		return NoSigner, ""
	}
	return Unverifiable, fmt.Sprintf("%v transaction %v", o.Proposal.Kind(), proposal.ErrNeedsBitcoinSource)
}
