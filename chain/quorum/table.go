package quorum

import (
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Table is everything that the classifier looks at: what each endpoint showed last, and what is agreed already. It is
// a value: the classifier reads it, keeps nothing and changes nothing.
type Table struct {
	ChainID uint64 // the configured chain; 0 for whatever more than half of the vote groups serve
	Rows    []Row
	Ring    *Ring // the agreed headers so far; it may be empty
	Rules   Rules
}

// Row is one endpoint in a table.
type Row struct {
	Name     string
	Group    string
	Votes    bool          // has the vote role, cordoned or not: taking an endpoint out does not make a majority smaller
	Cordoned bool          // its group keeps its place among the configured ones; it does not speak for it
	Sight    *Sight        // the last poll that was answered; nil before the first
	View     *View         // the headers it stands by; nil before the first
	Trouble  chain.Trouble // of the last poll; empty if it was answered
	Peers    *Peers        // the last answer about peers; nil before the first
	// HeadSince is for how long its head has been the same, AgreedSince for how long the agreed head has: both at this
	// poll, so that a chain that stands still stalls nobody.
	HeadSince, AgreedSince time.Duration
	// Regressed says that its finalized block went back, or changed at one height, since the poll before.
	Regressed bool
	// FalseTips is how many of the newest blocks that it showed, one after another, the agreed chain turned out not to
	// have; 0 as soon as it has one.
	FalseTips int
}

// Rules are the classifier's thresholds.
type Rules struct {
	GraceLag   chain.Height  // blocks of lag that every poll may show: 1
	LagAtOnce  chain.Height  // blocks of lag that one poll may not show: 3
	LeadTwice  chain.Height  // blocks of lead that two polls in a row may not show: 3, and as many as appear between polls; 0 is 3
	WalkBack   chain.Height  // how far below the candidates an agreed head is looked for: 64
	MinPeers   int           // fewer are isolation: max(3, configured endpoints)
	StallAfter time.Duration // a head that stays while the agreed one moves
	SlowAfter  time.Duration // an answer that takes longer: half the poll's deadline
	FalseTips  int           // newest blocks in a row that the agreed chain does not have: 5; 0 is 5
	ReorgGrace time.Duration // how long what may be a reorganisation has to reach everybody
}

// leadTwice is the least of Rules.LeadTwice.
const leadTwice = 3

// falseTips is the default of Rules.FalseTips, a minute of Ethereum. There fewer than one block in a hundred loses a race, so
// that an honest endpoint which always believes the losers first is taken for a liar once in 10^10 blocks at most.
const falseTips = 5

// DefaultRules are the thresholds for a number of configured endpoints and the deadline of one poll.
func DefaultRules(endpoints int, deadline time.Duration) Rules {
	return Rules{
		GraceLag:   1,
		LagAtOnce:  3,
		LeadTwice:  leadTwice,
		WalkBack:   64,
		MinPeers:   max(3, endpoints),
		StallAfter: time.Minute, // five blocks
		SlowAfter:  deadline / 2,
		FalseTips:  falseTips,
		ReorgGrace: 3500 * time.Millisecond,
	}
}

// Finding is what one table says of one endpoint. It does not know what was before; standing does.
type Finding struct {
	Status Status
	Reason Reason
	Lag    chain.Height // blocks behind the agreed head, for OK, LaggingSameChain and Stalled
	Depth  chain.Height // blocks since its chain left the agreed one, for Forked; 0 while not known
	Beyond chain.Height // for Forked, if it left it before all that is remembered: more than so many blocks ago
	// Soft findings, a lag of two blocks say, count only when the next poll shows them too.
	Soft bool
	// Grace is for a soft finding how long after the first of a row the poll must be that confirms it; mostly 0.
	Grace time.Duration
	// PeersUnknown says that the endpoint cannot tell its peers, which is no fault.
	PeersUnknown bool
}

// Ruling is the classifier's answer.
type Ruling struct {
	// Agreed is the highest header that more than half of the configured vote groups hold; valid if Quorum is true.
	Agreed   chain.Header
	Quorum   bool
	Votes    int       // groups that hold Agreed, or the most that hold any one header
	Groups   int       // vote groups configured
	Needed   int       // Groups/2 + 1
	Findings []Finding // one a row, in the table's order
}
