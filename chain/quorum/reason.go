package quorum

// Status is whether an endpoint is used.
type Status string

// The statuses.
const (
	Healthy      Status = "healthy"      // it may serve
	Unhealthy    Status = "unhealthy"    // it answers, and something is wrong with it
	Unresponsive Status = "unresponsive" // it does not answer
)

// Reason is why an endpoint has its status: a closed list. A code is never used for something else.
type Reason string

// The reasons. Lag and depth stand beside them in a Finding.
const (
	OK                  Reason = "ok"
	LaggingSameChain    Reason = "lagging_same_chain"   // on the agreed chain, some blocks behind; its newest block may be one that lost a race
	Stalled             Reason = "stalled"              // its head has not moved while the agreed one did
	AheadUncorroborated Reason = "ahead_uncorroborated" // it names a height far above what more than half know
	Forked              Reason = "forked"               // its block is another than the agreed one at that height
	FalseTip            Reason = "false_tip"            // block after block, its newest one is not that of the agreed chain
	Unclassified        Reason = "unclassified"         // nothing agreed to compare it with at its height
	WrongChain          Reason = "wrong_chain"          // another chain ID
	NeverReported       Reason = "never_reported"       // it has not answered a poll yet
	Syncing             Reason = "syncing"              // it says so itself
	Isolated            Reason = "isolated"             // too few peers
	Clique              Reason = "clique"               // its only peers are our own endpoints
	BadHeader           Reason = "bad_header"           // a header whose hash is not that of its fields
	NonLinking          Reason = "non_linking"          // headers of one answer that do not name each other as parents
	FinalityRegressed   Reason = "finality_regressed"   // its finalized block went back or changed
	TagOrder            Reason = "tag_order"            // not finalized <= safe <= newest
	Slow                Reason = "slow"                 // its answers take longer than half the deadline, poll after poll
	RateLimited         Reason = "rate_limited"
	AuthFailed          Reason = "auth_failed"
	Malformed           Reason = "malformed"  // answers that are no answers to the question, or errors in its own words
	Cordoned            Reason = "cordoned"   // the operator took it out
	Recovering          Reason = "recovering" // clean again, not yet for three polls
	Timeout             Reason = "timeout"    // unresponsive, with how
	Refused             Reason = "refused"
	TLS                 Reason = "tls"
	DNS                 Reason = "dns"
)

// Reasons returns the list in its documented order.
func Reasons() []Reason {
	return []Reason{
		OK, LaggingSameChain, Stalled, AheadUncorroborated, Forked, FalseTip, Unclassified, WrongChain, NeverReported, Syncing,
		Isolated, Clique, BadHeader, NonLinking, FinalityRegressed, TagOrder, Slow, RateLimited, AuthFailed, Malformed, Cordoned,
		Recovering, Timeout, Refused, TLS, DNS,
	}
}
