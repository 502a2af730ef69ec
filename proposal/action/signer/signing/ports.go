package signing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// Topic is a wallet's channel for signatures, signer.SigningTopic. What is published is said again and again, so that those
// who come late or miss it hear it, until it is forgotten or the topic is closed.
type Topic interface {
	signer.Channel
	// Forget ends the repetition of what was published; what was not is no matter.
	Forget(data []byte)
	// Close ends everything of the topic. It must return at once.
	Close() error
}

// Backends finds the backend that holds the operator's shares of a wallet.
type Backends interface {
	// For returns the assigned backend. signer.ErrNoSigner if none is; signer.ErrBackendFailed if the operator gave it up.
	// Every other error may pass by itself.
	For(wallet chain.WalletID) (signer.Backend, error)
}

// Source reads from the chain and from the store what an intent is made of.
type Source interface {
	// Wallet returns a wallet's key and roster.
	Wallet(ctx context.Context, wallet chain.WalletID) (chain.Wallet, error)
	// Statement returns the leader's signed pubsub message that an order follows from; if this operator led, its own
	// message, signed as it is sent.
	Statement(ctx context.Context, o proposal.Order) ([]byte, error)
	// Revoked reports whether an action must not be carried out (rule R3).
	Revoked(ctx context.Context, wallet chain.WalletID, window chain.Height) (bool, error)
}

// Chain reads from the host chain what a redemption is made of.
type Chain interface {
	// MainUTXOHash returns what the Bridge keeps of a wallet's main UTXO; zero if it has none.
	MainUTXOHash(ctx context.Context, wallet chain.WalletID) ([32]byte, error)
	// RedemptionRequests returns the pending requests to a wallet that pay scripts, in their order, all as of one block.
	// chain.ErrNoRequest if one is not pending.
	RedemptionRequests(ctx context.Context, wallet chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error)
}

// Config is what carries out actions; every field but Broadcaster, Quote, Observe and PoorShare is required.
type Config struct {
	Self         chain.Operator
	Clock        action.Clock
	Log          Log
	Source       Source
	Chain        Chain
	Transactions bitcoin.Transactions // where a main UTXO's transaction may be, besides those that were signed here
	Backends     Backends
	// Open opens a wallet's topic for its operators. It must not wait for the network.
	Open func(wallet chain.Wallet) (Topic, error)
	// Term returns the responsibility under which the wallet is served; false if it is not. It must return at once.
	Term   func(wallet chain.WalletID) (signer.Term, bool)
	Logger *slog.Logger
	// PoorShare is the share of a wallet's seats, in percent, below which a heartbeat is poor; 0 is 70.
	PoorShare int
	// Broadcaster is handed each signed transaction; nil keeps it here, stored and shown.
	Broadcaster Broadcaster
	// Quote is given the signed messages in which operators bind themselves to an intent: announcements and lists, as they are heard. It must
	// return at once; nil is allowed.
	Quote func(signed []byte)
	// Observe is told each attempt that ended, and must return at once; nil is allowed.
	Observe func(proposal.Order, Attempt)
}

// read decodes what an operator said, and hands on what it binds itself by.
func (c Config) read(said signer.Said) (content any, err error) {
	content, err = decode(said.Data)
	switch content.(type) {
	case announcement, list:
		c.Quote(said.Signed)
	}
	return content, err
}

// defaultPoorShare is that of the network's other clients: 70 of 100 seats.
const defaultPoorShare = 70

// check names what is missing or out of range, and fills in what may be.
func (c *Config) check() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Self": c.Self.IsZero(), "Clock": c.Clock == nil, "Log": c.Log == nil, "Source": c.Source == nil, "Chain": c.Chain == nil,
		"Transactions": c.Transactions == nil, "Backends": c.Backends == nil, "Open": c.Open == nil, "Term": c.Term == nil, "Logger": c.Logger == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("signing: %s is missing", name))
		}
	}
	if c.PoorShare < 0 || c.PoorShare > 100 {
		errs = append(errs, errors.New("signing: the share below which a heartbeat is poor is not within 0 .. 100 percent"))
	}
	if c.PoorShare == 0 {
		c.PoorShare = defaultPoorShare
	}
	if c.Quote == nil {
		c.Quote = func([]byte) {}
	}
	if c.Observe == nil {
		c.Observe = func(proposal.Order, Attempt) {}
	}
	return errors.Join(errs...)
}
