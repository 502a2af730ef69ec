// Package api is how commands, the operator's tools and subscribers of the feed question a running node over HTTP, and tell it what the
// operator wishes: on a unix socket that belongs to the operator alone, on a loopback address, and from elsewhere with a token.
// openapi.json describes it, and a test holds the two together.
//
// Records are only read. What can be changed is what an operator decides on: the level of the log, endpoints, bans, stopped wallets,
// instances, signers, mailboxes, key generations, actions that are to be tried again. There is no way to a key or a share.
//
// What keeps others out on this machine is the socket's mode or the loopback address, and for a browser here the check of the Host
// header (against DNS rebinding), of the request's origin, and the absence of CORS. An address that others reach asks for the
// operator's token; a subscriber's own one is good for its mailboxes and for what all subscribers may know.
//
//	route.go           all operations: the server's handlers and openapi.json are made from this list
//	entrance, guard    where requests come in, from before there is a node, and who may ask
//	server, handlers   the operations on records and on the node; one file more for each subject (evidence, feeds, keygen, signers, ...)
//	client, *client    the other side of the same, for commands
package api

import (
	"context"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// Records is what is recorded; view.Records reads it from a store, Client asks a running node for it. store.ErrNotFound says
// that there is no such record.
type Records interface {
	Windows(ctx context.Context, filter store.WindowFilter) (view.Windows, error)
	Window(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Trace, error)
	Proposals(ctx context.Context, filter store.WindowFilter) (view.Proposals, error)
	Faults(ctx context.Context, filter faults.Filter) (view.Faults, error)
	Fault(ctx context.Context, id string) (view.Fault, error)
	Scores(ctx context.Context, filter faults.Filter) (view.Scores, error)
	Proofs(ctx context.Context, filter exchange.ProofFilter) (view.Proofs, error)
	Proof(ctx context.Context, id string) (view.ProofDetail, error)
	Actions(ctx context.Context, filter store.ActionFilter) (view.Actions, error)
	// Signings tells what wallets' signers were asked in a window.
	Signings(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Signings, error)
	Wallets(ctx context.Context) (view.Wallets, error)
	Wallet(ctx context.Context, id chain.WalletID) (view.Wallet, error)
}

// Live is what only a running node knows; *node.Node is one.
type Live interface {
	Readiness(ctx context.Context) view.Readiness
	Status(ctx context.Context) (view.Status, error)
	// Next fails with view.ErrNoHead before the first block.
	Next(ctx context.Context) (view.Next, error)
	// Explain fails with view.ErrNotYet before the seed block, store.ErrNotFound without such a wallet or window.
	Explain(ctx context.Context, wallet chain.WalletID, window chain.Height) (view.Election, error)
	Peers() view.Peers
	// StoreState tells the size of the node's store and what it holds.
	StoreState(ctx context.Context) (view.StoreState, error)
	// Ping fails with net.ErrPeerID or net.ErrNotConnected.
	Ping(ctx context.Context, peer string) (view.Pong, error)
	// Endpoints, EndpointHistory and Cordon fail with view.ErrOneEndpoint where there is one chain endpoint alone, the
	// latter two with store.ErrNotFound where there is none of that name, Cordon with quorum.ErrNeeded where the other
	// endpoints do not suffice.
	Endpoints() (view.Endpoints, error)
	EndpointHistory(name string) (view.EndpointHistory, error)
	Cordon(name string, cordoned bool) error
	// RetryAction carries out once more what ended for want of something that was at this node. store.ErrNotFound if there is no
	// such action, store.ErrNotRetryable if it must not be.
	RetryAction(ctx context.Context, wallet chain.WalletID, window chain.Height) error
}

// Bounds of what one client can ask for.
const (
	// defaultRows is how many rows a list has unless the client says otherwise.
	defaultRows = 100
	// MaxRows is how many rows a list has at most.
	MaxRows = 1000
	// maxBody bounds a request's body, in bytes: the greatest asks for a wallet of 255 operators.
	maxBody = 16 << 10
	// maxRequests are answered at once; whoever comes then is told 503. Watchers are counted by themselves.
	maxRequests = 32
	// maxConnections are open at once; further clients wait.
	maxConnections = 128
)
