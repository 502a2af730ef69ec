package rpcfault

import (
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Faults are everything that is wrong with an endpoint at once. The zero value is a healthy one.
type Faults struct {
	// Cut breaks every connection and each new one as soon as it is made.
	Cut bool
	// Hang accepts connections and questions, and answers none. Heads are not pushed either.
	Hang bool
	// RateLimited answers with HTTP status 429; over a WebSocket with the error -32005.
	RateLimited bool
	// Unauthorized answers with HTTP status 401, WebSocket handshakes included, and breaks the connections there are.
	Unauthorized bool
	// Slow delays every answer; heads that are pushed are not delayed.
	Slow time.Duration
	// Null answers null to every question.
	Null bool
	// Silent pushes no heads any more and says nothing about it.
	Silent bool

	// Lag is for how many blocks everything that the endpoint tells is behind: newest, safe and finalized block, and
	// the heads it pushes. Higher blocks do not exist for it, by number or by hash.
	Lag chain.Height
	// Jump is how many blocks ahead of the chain the endpoint pretends to be. The 16 newest blocks are made up, hash
	// right and link to each other; those between them and the chain do not exist for it.
	Jump chain.Height
	// Fork is a branch of its own; nil for none.
	Fork *Fork
	// Lie is one wrong block; nil for none.
	Lie *Lie
	// Withhold are blocks that are not pushed and not told as the newest, or when asked for by hash. By number they are
	// there. The zero value is none.
	Withhold Range

	// ChainID is claimed in place of the chain's; 0 for the chain's own.
	ChainID uint64
	// Syncing says that the endpoint is catching up.
	Syncing bool
	// PeersRefused answers net_peerCount with -32600, as a vendor does who does not offer it.
	PeersRefused bool
	// Peers is what the endpoint tells of its peers; nil for what the one behind it tells.
	Peers *Peers
}

// Fork is a branch that leaves the chain: from a height on every block is another one, that hashes right and links to
// its parent. Endpoints with the same From and Salt, which see the same chain, tell the same branch.
type Fork struct {
	From chain.Height
	Salt string
}

// Lie is one wrong block.
type Lie struct {
	Height chain.Height
	// ClaimOnly tells the true block with a hash that is not its own. Otherwise another block is told, which hashes
	// right and links to its parent, while its child does not link to it.
	ClaimOnly bool
	Salt      string // endpoints with the same salt tell the same lie
}

// Range is a range of heights, both ends included. It is empty while To is 0.
type Range struct{ From, To chain.Height }

func (r Range) holds(h chain.Height) bool { return r.To != 0 && h >= r.From && h <= r.To }

// Peers is what an endpoint tells of its peers.
type Peers struct {
	Count uint64
	// Self and IDs are answered to admin_nodeInfo and admin_peers, as 64 hex digits each; while Self is empty these
	// methods are what they are at the endpoint behind.
	Self string
	IDs  []string
}
