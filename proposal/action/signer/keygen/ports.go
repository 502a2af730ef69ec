package keygen

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Network carries documents to operators with whom nothing is shared yet, and opens topics.
type Network interface {
	// Invite offers a document to every peer, and to each that comes, until Withdraw.
	Invite(doc []byte)
	Withdraw(doc []byte)
	// OpenTopic opens a topic on which these operators, and nobody else, are heard. They are let in for as long as it is open.
	OpenTopic(name string, operators []chain.Operator) (Topic, error)
}

// Topic is a channel that can be left. What was said on it is repeated until then: who comes later hears it as well.
type Topic interface {
	signer.Channel
	// Forget ends the repetition of something that was said here.
	Forget(data []byte)
	Close() error
}

// Placement says which backend holds which shares. What it decides is written down before it is told; asked again it
// decides the same.
type Placement interface {
	// Choose picks the backend that is to generate a session's shares.
	Choose(ctx context.Context, session signer.SessionID, scheme signer.Scheme) (signer.Backend, error)
	// Chosen returns the backend that was chosen.
	Chosen(ctx context.Context, session signer.SessionID) (signer.Backend, error)
	// Confirm says that the wallet's shares are there and in use.
	Confirm(ctx context.Context, session signer.SessionID, wallet chain.WalletID) error
	// Abandon says that nothing comes of the session. That none was chosen for it is fine.
	Abandon(ctx context.Context, session signer.SessionID) error
}

// Registry is where the node looks up in which wallets it takes part.
type Registry interface {
	// ImportWallet stores a wallet; the same one again changes nothing.
	ImportWallet(ctx context.Context, w chain.Wallet) error
}
