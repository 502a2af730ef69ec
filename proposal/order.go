package proposal

import "github.com/walletnode/walletnode/chain"

// Order is what an action handler is told: what a wallet agreed on, and when it must be done (RFC
// 12). Heights are blocks of the host chain.
type Order struct {
	Wallet   chain.WalletID
	Window   chain.Height // coordination block c
	Proposal Proposal     // never a Noop
	Start    chain.Height // first block of the action: c+100
	Expiry   chain.Height // Start + the kind's validity: nothing is done from here on
}

// signingMargin is how many blocks before its expiry an action must have been signed (RFC 12).
const signingMargin chain.Height = 300

// SigningStart returns the first block at which the order may be signed: Start, and 32 blocks later for
// MovingFunds, whose on-chain commitment has to be final first.
func (o Order) SigningStart() chain.Height {
	if o.Proposal.Kind() == KindMovingFunds {
		return o.Start + 32
	}
	return o.Start
}

// SigningEnd returns the block by which signing must have ended.
func (o Order) SigningEnd() chain.Height { return o.Expiry - signingMargin }
