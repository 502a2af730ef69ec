package view

import (
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
)

// Endpoints is the chain as several endpoints show it, at one moment.
type Endpoints struct {
	Mode      quorum.Mode `json:"mode"`   // quorum, degraded_single or no_quorum
	Quorum    bool        `json:"quorum"` // more than half of the configured vote groups agree on a head: decisions are taken
	Agreed    *Agreed     `json:"agreed"` // null before the first; it stays when the quorum is lost
	Votes     int         `json:"votes"`  // vote groups that hold the agreed head
	Groups    int         `json:"groups"` // vote groups configured
	Needed    int         `json:"needed"`
	Serving   *string     `json:"serving"`  // the endpoint that reads and heads come from
	Switches  uint64      `json:"switches"` // how often another one began to serve
	Endpoints []Endpoint  `json:"endpoints"`
}

// Agreed is the head that more than half of the vote groups hold.
type Agreed struct {
	Block chain.Height `json:"block"`
	Hash  chain.Hash   `json:"hash"`
	At    string       `json:"agreed_at"`
}

// Endpoint is one chain endpoint.
type Endpoint struct {
	Name         string        `json:"name"`
	Group        string        `json:"vote_group"`
	Roles        []quorum.Role `json:"roles"`
	Address      string        `json:"address"` // without what may carry an access key
	Primary      bool          `json:"primary"`
	Serving      bool          `json:"serving"`
	Votes        bool          `json:"votes"` // it holds the agreed head, and its vote group is counted for it
	Cordoned     bool          `json:"cordoned"`
	Status       quorum.Status `json:"status"` // healthy, unhealthy or unresponsive
	Reason       quorum.Reason `json:"reason"`
	Detail       string        `json:"detail"` // for people; empty if there is no more to say
	Since        string        `json:"since"`  // when it came to this status and reason
	Height       *chain.Height `json:"height"` // of its head; null before the first
	Hash         *chain.Hash   `json:"hash"`
	Lag          chain.Height  `json:"lag"`           // blocks behind the agreed head
	Depth        chain.Height  `json:"fork_depth"`    // blocks since it left the agreed chain; 0 if it has not, or nobody knows
	Peers        *int          `json:"peers"`         // null if it cannot tell
	PeersUnknown bool          `json:"peers_unknown"` // it was asked for its peers and did not tell, which counts neither for nor against it
	P50          *float64      `json:"p50_seconds"`   // of its answers
	P95          *float64      `json:"p95_seconds"`   // of its answers
	Calls        uint64        `json:"calls_total"`   // polls included
	Errors       uint64        `json:"errors_total"`  // calls that failed through its fault
	LastError    *string       `json:"last_error"`
	Siblings     []Opinion     `json:"siblings"` // what the operator's other instances think of it; empty if there are none
}

// Opinion is what one instance thinks of an endpoint.
type Opinion struct {
	Instance string `json:"instance"`
	Status   string `json:"status"` // healthy, unhealthy or unresponsive
	Detail   string `json:"detail"` // the reason, for people
	Since    string `json:"since"`  // when it came to this status, by the instance's clock
}

// Otherwise is how many siblings think otherwise of an endpoint than the instance that answers.
func (e Endpoint) Otherwise() (n int) {
	for _, o := range e.Siblings {
		if o.Status != string(e.Status) {
			n++
		}
	}
	return n
}

// OneEndpoint is what the check chain_endpoints says of a node that has one endpoint alone.
const OneEndpoint = "one endpoint"

// NewEndpoints shows a pool.
func NewEndpoints(s *quorum.Snapshot) Endpoints {
	e := Endpoints{
		Mode: s.Mode, Quorum: s.Quorum, Votes: s.Votes, Groups: s.Groups, Needed: s.Needed,
		Serving: pointer(s.Serving), Switches: s.Switches, Endpoints: each(s.Endpoints, newEndpoint),
	}
	if !s.AgreedAt.IsZero() {
		e.Agreed = &Agreed{s.Agreed.Height, s.Agreed.Hash, Time(s.AgreedAt)}
	}
	return e
}

func newEndpoint(s quorum.EndpointState) Endpoint {
	e := Endpoint{
		Name: s.Name, Group: s.Group, Roles: each(s.Roles, func(r quorum.Role) quorum.Role { return r }), Address: s.Address,
		Primary: s.Primary, Serving: s.Serving, Votes: s.Votes, Cordoned: s.Cordoned,
		Status: s.Status, Reason: s.Reason, Detail: s.Detail, Since: Time(s.Since),
		Lag: s.Lag, Depth: s.Depth, Peers: s.Peers, PeersUnknown: s.PeersUnknown, P50: seconds(s.P50), P95: seconds(s.P95),
		Calls: s.Calls, Errors: s.Errors, LastError: pointer(s.LastErr),
		Siblings: []Opinion{},
	}
	if s.Head != (chain.Header{}) {
		e.Height, e.Hash = &s.Head.Height, &s.Head.Hash
	}
	return e
}

// seconds writes a duration that is null before the first measurement.
func seconds(d time.Duration) *float64 { return pointer(d.Seconds()) }

// EndpointHistory is how an endpoint's status changed, oldest first.
type EndpointHistory struct {
	Name    string           `json:"name"`
	Changes []EndpointChange `json:"changes"`
}

// EndpointChange is one change of an endpoint's status or reason.
type EndpointChange struct {
	At     string        `json:"at"`
	Status quorum.Status `json:"status"`
	Reason quorum.Reason `json:"reason"`
	Detail string        `json:"detail"`
}

// NewEndpointHistory shows an endpoint's changes.
func NewEndpointHistory(name string, changes []quorum.Change) EndpointHistory {
	return EndpointHistory{name, each(changes, func(c quorum.Change) EndpointChange {
		return EndpointChange{Time(c.At), c.Status, c.Reason, c.Detail}
	})}
}

// Reload is what reading the configuration again has changed.
type Reload struct {
	Added   []string `json:"added"`   // endpoints
	Removed []string `json:"removed"` // endpoints
	Changed []string `json:"changed"` // endpoints whose address, vote group, roles, headers or rate are others now
	// Restart are the keys that were changed in the file and take effect with the next start only.
	Restart  []string `json:"needs_restart"`
	Warnings []string `json:"warnings"` // what is allowed and unwise
}
