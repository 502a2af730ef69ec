// Package quorum makes many chain endpoints into one that no minority of them can mislead. It polls every endpoint,
// compares what they hold, says of each why it is or is not used, and serves reads from a healthy one. What a fault or
// a leadership rests on it takes only from more than half of the configured vote groups; without that it answers
// chain.ErrNoQuorum and the node abstains.
//
// The parts, from pure to live: what one poll shows (Sight) and what an endpoint stands by (view); the ring of agreed
// headers; the classifier, which turns a table of sights into findings and an agreed head; the standing, which turns
// findings in a row into a status that does not flap; the pool, which polls, publishes snapshots and serves.
//
//	quorum.go, members.go, table.go, reason.go           what an endpoint is, what is configured of it, what is found out
//	view.go, missing.go, parting.go                      what one endpoint stands by, what to ask it next, where it left the chain
//	ring.go, reference.go                                the agreed headers; the chain that endpoints are compared with
//	classify.go, vote.go, checks.go, peers.go, trial.go  what is agreed, and what is wrong with whom
//	standing.go, serving.go, latency.go                  healthy or not, who serves, and how fast
//	pool.go, book.go, reload.go                          the pool, what it knows, and a change of its endpoints
//	link.go, poller.go, tips.go                          the connection to one endpoint, and its polls
//	feed.go, fill.go                                     heads, and the headers that are missing below them
//	router.go, decide.go, payment.go, broadcast.go       what is asked of one endpoint, of most, and told to all
//	snapshot.go, publish.go                              the pool at a moment
package quorum

import (
	"context"
	"math/big"

	"github.com/walletnode/walletnode/chain"
)

// Endpoint is one endpoint as the pool uses it; *ethereum.Client is one. Its methods may be called from any goroutine.
// Errors carry a *chain.EndpointError where the endpoint is at fault; a block it does not have is chain.ErrNotFound. A call
// returns when its context ends, whatever the endpoint does: reads wait for the first one asked in the caller's goroutine.
type Endpoint interface {
	// Look makes one poll, one batch of requests. A part that the endpoint cannot tell (safe, finalized, peers) is left
	// empty; an error means that the newest header, the chain's ID or the sync state could not be read.
	Look(ctx context.Context, ask Ask) (Sight, error)
	// Headers reads the headers of from .. to by number in one batch, at most MaxBatch of them, ascending. Each was
	// hashed locally and has the height asked for; links between them are not checked. Heights the endpoint does not
	// have are left out.
	Headers(ctx context.Context, from, to chain.Height) ([]chain.Header, error)
	// Room waits until up to n headers, at most, may be asked for at once under the rate that is configured for the
	// endpoint, and returns how many, at least one. Look and Headers do not wait for the rate: the headers of a whole ring,
	// asked for at once, would push aside what the vendor allows for a minute, calls and polls among it.
	Room(ctx context.Context, n int) (int, error)
	// Header reads a header of the endpoint's canonical chain by number.
	Header(ctx context.Context, h chain.Height) (chain.Header, error)
	// Follow delivers heads until ctx ends, whose error it returns; no failure of the endpoint ends it. Headers that
	// were delivered before, by another endpoint say, ascending, tell it what it need not fetch and must link to.
	Follow(ctx context.Context, delivered []chain.Header, heads func(chain.Header)) error
	ChainID(ctx context.Context) (uint64, error)

	WalletState(ctx context.Context, wallet chain.WalletID) (chain.WalletState, error)
	RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error)
	PendingRedemptions(ctx context.Context, wallet chain.WalletID, from chain.Height) ([]chain.RedemptionRequest, error)

	// What a redemption is built from is read at the state after block at, named by its hash; the zero hash is the newest
	// block. Requests are those that name the scripts, in their order; chain.ErrNoRequest if one of them is not pending.
	MainUTXOHashAt(ctx context.Context, at chain.Hash, wallet chain.WalletID) ([32]byte, error)
	RedemptionRequestsAt(ctx context.Context, at chain.Hash, wallet chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error)

	// The validations ask the validator contract at the state after block at, named by its hash; the zero hash is the
	// newest block. They return nil, *chain.Refusal, or any other error where there is no answer to go by (rule R5).
	ValidateHeartbeatAt(ctx context.Context, at chain.Hash, wallet chain.WalletID, message [16]byte) error
	ValidateRedemptionAt(ctx context.Context, at chain.Hash, wallet chain.WalletID, scripts [][]byte, fee *big.Int) error
	ValidateMovedFundsSweepAt(ctx context.Context, at chain.Hash, wallet chain.WalletID, txHash [32]byte, index uint32, fee *big.Int) error

	// Broadcast sends a signed transaction in its RLP or typed encoding and returns its hash. A transaction that the
	// endpoint has already is no error.
	Broadcast(ctx context.Context, raw []byte) (chain.Hash, error)
	Close()
}

// MaxBatch is how many headers are asked for in one batch.
const MaxBatch = chain.MaxBatch

// What a poll asks and shows is package chain's, because the endpoint's client speaks of it too.
type (
	// Ask is what a poll asks.
	Ask = chain.Ask
	// Sight is what a poll showed.
	Sight = chain.Sight
	// Peers is what an endpoint tells of its own peers.
	Peers = chain.Peers
)

// Role is what an endpoint is used for.
type Role string

// The roles. An endpoint without any has all.
const (
	RoleRead Role = "read" // serves reads and heads
	RoleVote Role = "vote" // its group has a vote in decisions
	RoleSend Role = "send" // transactions are sent to it
)

// Member is one configured endpoint.
type Member struct {
	Name  string
	Group string // endpoints of one group have one vote together: those of one provider, say
	Roles []Role // empty: all
	// Primary is the preference among healthy endpoints and the one that reads fall back to; it has no other privilege.
	// Exactly one member is.
	Primary bool
	// Shown is the endpoint's address without what may carry an access key.
	Shown string
	// Key tells members apart across a reload: an endpoint whose key stays keeps its connection and its history.
	Key string
	// Open makes the endpoint; nothing is asked of it yet.
	Open func() (Endpoint, error)
}

// Has reports whether the member has a role.
func (m Member) Has(r Role) bool {
	if len(m.Roles) == 0 {
		return true
	}
	for _, has := range m.Roles {
		if has == r {
			return true
		}
	}
	return false
}
