package action

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/proposal"
)

// WithoutSigners returns the handlers of a node that has no signer backends: every action ends as NoSigner. Those that sign are in
// package signing.
func WithoutSigners() map[proposal.Kind]Handler {
	handlers := make(map[proposal.Kind]Handler)
	for _, k := range proposal.Kinds() {
		if k != proposal.KindNoop {
			handlers[k] = unsigned{}
		}
	}
	return handlers
}

// unsigned signs nothing.
type unsigned struct{}

// Handle implements Handler.
func (unsigned) Handle(context.Context, proposal.Order) (Outcome, string) { return NoSigner, "" }

// NeedsBitcoin returns the handler of a kind whose transaction cannot be built without a Bitcoin node. It asks no signer for
// anything.
func NeedsBitcoin() Handler { return unverifiable{} }

type unverifiable struct{}

// Handle implements Handler.
func (unverifiable) Handle(_ context.Context, o proposal.Order) (Outcome, string) {
	return Unverifiable, fmt.Sprintf("%v transaction %v", o.Proposal.Kind(), proposal.ErrNeedsBitcoinSource)
}
