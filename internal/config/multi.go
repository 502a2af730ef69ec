package config

import (
	"cmp"
	"slices"
	"time"
)

// Multi is the many endpoints that check each other. Off by default: then Ethereum.URL alone is used, and nothing here.
type Multi struct {
	// Enabled turns it on.
	Enabled bool `toml:"enabled"`
	// PollInterval is the time between two polls of one endpoint.
	PollInterval time.Duration `toml:"poll_interval" validate:"min=100ms,max=1m"`
	// PollDeadline is how long a poll may take before the endpoint counts as unresponsive; at most PollInterval.
	PollDeadline time.Duration `toml:"poll_deadline" validate:"min=50ms,max=1m"`
	// PeersInterval is the time between two questions for an endpoint's own peers; at least PollInterval.
	PeersInterval time.Duration `toml:"peers_interval" validate:"min=100ms,max=10m"`
	// MinPeers is how many peers an endpoint must have. The number of endpoints is demanded in any case: fewer peers
	// could all be our own.
	MinPeers int `toml:"min_peers" validate:"min=1,max=1000"`
	// PrimaryVoteGroup is the vote group of Ethereum.URL.
	PrimaryVoteGroup string `toml:"primary_vote_group" validate:"label"`
	// Endpoints are those beside Ethereum.URL.
	Endpoints []Endpoint `toml:"endpoints" validate:"max=16,dive"`
}

// Endpoint is one chain endpoint. Empty fields stand for what Config.ChainEndpoints fills in.
type Endpoint struct {
	// Name is what logs, metrics and commands call it.
	Name string `toml:"name" validate:"required,label"`
	// URL is a JSON-RPC endpoint: ws, wss, http or https, or the absolute path of an IPC socket.
	URL string `toml:"url" validate:"required,member"`
	// VoteGroup is whom it votes with: endpoints of one provider have one vote together. Empty is Name.
	VoteGroup string `toml:"vote_group" validate:"omitempty,label"`
	// Roles are what it is used for: read, vote, send. Empty is all.
	Roles []string `toml:"roles" validate:"unique,dive,oneof=read vote send"`
	// HeadersFile holds HTTP headers for its requests, an access token say; its owner alone may open it.
	HeadersFile string `toml:"headers_file"`
	// RPS limits the requests per second to it; 0 is Ethereum.RequestsPerSecond.
	RPS float64 `toml:"rps" validate:"min=0,max=1000000"`
}

// primaryName is the name of the endpoint that Ethereum.URL names.
const primaryName = "primary"

// Roles of an endpoint.
const (
	roleRead = "read"
	roleVote = "vote"
	roleSend = "send"
)

func defaultMulti() Multi {
	return Multi{
		PollInterval: 5 * time.Second, // twice per block of 12 s: what is wrong shows within one
		PollDeadline: 2 * time.Second, // an endpoint out of reach is out of rotation before its second poll
		// Peers come and go in minutes, and a question for them is one request more.
		PeersInterval:    30 * time.Second,
		MinPeers:         3,
		PrimaryVoteGroup: primaryName,
		Endpoints:        []Endpoint{},
	}
}

// ChainEndpoints returns all endpoints, the primary first, with every default filled in. Without Multi.Enabled it is
// the primary alone.
func (c Config) ChainEndpoints() []Endpoint {
	e := c.Ethereum
	all := []Endpoint{{Name: primaryName, URL: e.URL, VoteGroup: e.Multi.PrimaryVoteGroup}}
	if e.Multi.Enabled {
		all = append(all, e.Multi.Endpoints...)
	}
	for i := range all {
		all[i].complete(e.RequestsPerSecond)
	}
	return all
}

// complete fills in what an endpoint leaves out.
func (e *Endpoint) complete(rps float64) {
	e.VoteGroup = cmp.Or(e.VoteGroup, e.Name)
	e.RPS = cmp.Or(e.RPS, rps)
	if len(e.Roles) == 0 {
		e.Roles = []string{roleRead, roleVote, roleSend}
	} else {
		e.Roles = slices.Clone(e.Roles) // the list is the caller's own
	}
}

// voteGroups returns the vote groups of the endpoints that vote, sorted.
func voteGroups(endpoints []Endpoint) []string {
	var groups []string
	for _, e := range endpoints {
		if slices.Contains(e.Roles, roleVote) {
			groups = append(groups, e.VoteGroup)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
