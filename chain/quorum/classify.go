package quorum

import "github.com/walletnode/walletnode/chain"

// Classify says what more than half of the configured vote groups agree on, and of each endpoint what is wrong with it. It
// is a pure function, and the order of the rows does not matter.
//
// An endpoint has one finding, though several may be true. First comes what leaves nothing else to look at: cordoned, no
// answer to the last poll (timeout, refused, tls, dns; rate_limited, auth_failed, malformed), never_reported. Then what is
// certain goes before what the next poll must confirm, and within each, in this order: wrong_chain, bad_header, forked,
// false_tip, non_linking, finality_regressed, tag_order, syncing, stalled, ahead_uncorroborated, lagging_same_chain, unclassified, clique,
// isolated, slow. A fork that a reorganisation may explain is certain in that order, and yet soft: it has to last.
//
// Without a quorum endpoints are compared with the ring, what was agreed before, as far as they link to it.
func Classify(t Table) Ruling {
	c := newCourt(t)
	ruling := Ruling{
		Agreed: c.agreed, Quorum: c.quorum, Votes: c.votes, Groups: len(c.ballot.groups), Needed: c.ballot.needed,
		Findings: make([]Finding, len(t.Rows)),
	}
	for i, row := range t.Rows {
		ruling.Findings[i] = c.find(row)
	}
	return ruling
}

// court is what all rows of a table are judged by.
type court struct {
	rules   Rules
	chainID uint64 // 0 if none is configured and none common
	ballot  ballot
	quorum  bool
	agreed  chain.Header
	votes   int
	chain   reference // the agreed one; without a quorum, what was agreed before
	compare bool      // there is a chain to compare with
	before  reference // what was agreed before, if remember
	// remember says that a gap lies between the ring and what is known of the agreed chain. A ring that the agreed chain
	// contradicts is of a branch that the majority left, and judges nobody.
	remember bool
	selves   map[string]bool // the node IDs of all endpoints
}

func newCourt(t Table) *court {
	c := &court{rules: t.Rules, chainID: t.ChainID, selves: selves(t.Rows)}
	if c.chainID == 0 {
		c.chainID = commonChain(t)
	}
	c.ballot = newBallot(t, c.chainID)
	c.agreed, c.votes = c.ballot.elect(t.Rules.WalkBack)
	c.quorum = c.votes >= c.ballot.needed
	if !c.quorum {
		c.chain, c.compare = ringChain(t.Ring)
		return c
	}
	c.chain, c.compare = agreedChain(c.agreed, t.Rows, t.Ring), true
	c.before, c.remember = ringChain(t.Ring)
	c.remember = c.remember && c.before.top < c.chain.lowest()
	return c
}

func (c *court) find(row Row) Finding {
	f, absent := c.absence(row)
	if !absent {
		f = c.judge(row)
	}
	f.PeersUnknown = row.Peers != nil && !row.Peers.Known
	return f
}

// absence is the finding on an endpoint whose last poll showed nothing.
func (c *court) absence(row Row) (Finding, bool) {
	switch {
	case row.Cordoned:
		return Finding{Status: Unhealthy, Reason: Cordoned}, true
	case row.Trouble != "":
		return troubled(row.Trouble), true
	case !row.answered():
		return Finding{Status: Unresponsive, Reason: NeverReported}, true
	}
	return Finding{}, false
}

func troubled(t chain.Trouble) Finding {
	switch t {
	case chain.TroubleTimeout:
		return Finding{Status: Unresponsive, Reason: Timeout}
	case chain.TroubleRefused:
		return Finding{Status: Unresponsive, Reason: Refused}
	case chain.TroubleTLS:
		return Finding{Status: Unresponsive, Reason: TLS}
	case chain.TroubleDNS:
		return Finding{Status: Unresponsive, Reason: DNS}
	case chain.TroubleRateLimited:
		return Finding{Status: Unhealthy, Reason: RateLimited}
	case chain.TroubleAuth:
		return Finding{Status: Unhealthy, Reason: AuthFailed}
	default: // malformed, unsupported, server: it answers, and not to the question
		return Finding{Status: Unhealthy, Reason: Malformed}
	}
}

// weight is how much a check's finding counts.
type weight int

const (
	nothing weight = iota
	soft           // counts if the next poll shows something too
	hard           // counts at once
)

// judge tries all checks on an endpoint that answered. The first hard one counts, else the first soft one.
func (c *court) judge(row Row) Finding {
	s := c.see(row)
	var reason Reason
	found := nothing
	for _, check := range checks {
		if w := check.of(c, s); w > found {
			reason, found = check.reason, w
		}
	}
	f := Finding{Status: Unhealthy, Reason: reason, Soft: found == soft}
	switch {
	case found == nothing:
		f = Finding{Status: Healthy, Reason: OK, Lag: s.lag}
	case reason == LaggingSameChain || reason == Stalled:
		f.Lag = s.lag
	case reason == Forked:
		f.Depth, f.Beyond = s.place.depth, s.place.beyond
		if s.place.mayBeReorg() {
			f.Soft, f.Grace = true, c.rules.ReorgGrace
		}
	}
	return f
}
