package quorum

import (
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Mode is what the pool can vouch for at a moment.
type Mode string

// The modes.
const (
	// ModeQuorum: more than half of the configured vote groups agree on a head, and at least three endpoints serve.
	ModeQuorum Mode = "quorum"
	// ModeDegradedSingle: fewer than three endpoints are usable; reads go to the primary alone, or to whichever still
	// answers. Decisions are taken only as far as there is a quorum for them.
	ModeDegradedSingle Mode = "degraded_single"
	// ModeNoQuorum: enough endpoints answer, and they do not agree.
	ModeNoQuorum Mode = "no_quorum"
)

// Snapshot is the pool at a moment. It is immutable.
type Snapshot struct {
	At        time.Time
	Mode      Mode
	Quorum    bool         // there is an agreed head from the last polls
	Agreed    chain.Header // the last agreed head; it stays when the quorum is lost
	AgreedAt  time.Time    // when it was agreed
	Votes     int
	Groups    int
	Needed    int
	Serving   string // the endpoint that serves reads and heads; empty before the first
	Switches  uint64 // how often another one began to serve
	Endpoints []EndpointState
}

// EndpointState is one endpoint in a snapshot.
type EndpointState struct {
	Name     string
	Group    string
	Roles    []Role // never empty
	Address  string // without what may carry an access key
	Primary  bool
	Serving  bool
	Votes    bool // its group holds the agreed head, and it does too
	Cordoned bool

	Status Status
	Reason Reason
	Detail string // for people: "3 blocks behind", "left the agreed chain 7 blocks ago"
	Lag    chain.Height
	Depth  chain.Height
	Since  time.Time // since when it has this status and reason
	Head   chain.Header
	Peers  *int // nil if it cannot tell
	// PeersUnknown: it was asked for its peers and did not tell. That is neutral: vendors do not offer it.
	PeersUnknown bool
	P50          time.Duration // of its answers to polls and calls, over the last few hundred
	P95          time.Duration
	Answers      Answers
	Calls        uint64 // calls served and polls, since the start
	Errors       uint64 // of those that failed, by a fault of the endpoint
	LastErr      string // the newest error's text; empty for none
}

// Change is one line of an endpoint's history: its status or reason changed.
type Change struct {
	At     time.Time
	Status Status
	Reason Reason
	Detail string
}
