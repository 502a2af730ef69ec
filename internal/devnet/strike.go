package devnet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// StrikeKind is what befalls an instance, or the database, in a chaos run.
type StrikeKind string

// The kinds of strikes.
const (
	StrikeKill     StrikeKind = "kill"
	StrikeRestart  StrikeKind = "restart"
	StrikePause    StrikeKind = "pause"
	StrikeStop     StrikeKind = "stop"
	StrikeClose    StrikeKind = "database refused"
	StrikeSwallow  StrikeKind = "database silent"
	StrikeSlow     StrikeKind = "database slow"
	StrikeIsolate  StrikeKind = "peers lost"
	StrikeDatabase StrikeKind = "database restart"
)

// happens says what befalls whom, for people.
var happens = []struct {
	kind StrikeKind
	text string
}{
	{StrikeKill, "the process is killed (SIGKILL), and started again at the end"},
	{StrikeRestart, "the process is asked to end (SIGTERM), and started again at the end"},
	{StrikePause, "the process is stopped where it stands (SIGSTOP) for less than a lease, and let go on"},
	{StrikeStop, "the same for longer than a lease: it wakes up and is not responsible any more"},
	{StrikeClose, "its way to the database hangs up on every call"},
	{StrikeSwallow, "its way to the database swallows what is sent, and delivers it at the end"},
	{StrikeSlow, "every piece on its way to the database and back is 0.3 s late"},
	{StrikeIsolate, "nobody on the network is reached, the other instances neither"},
	{StrikeDatabase, "the database itself is stopped, and started again at the end: it befalls all instances"},
}

// strikeKinds returns every kind.
func strikeKinds() []StrikeKind {
	kinds := make([]StrikeKind, len(happens))
	for i, it := range happens {
		kinds[i] = it.kind
	}
	return kinds
}

// Happens says what a strike of this kind is, for people.
func (k StrikeKind) Happens() string {
	for _, it := range happens {
		if it.kind == k {
			return it.text
		}
	}
	return ""
}

// Strike is one thing that befalls an instance in a round.
type Strike struct {
	Kind     StrikeKind `json:"kind"`
	Instance string     `json:"instance,omitempty"` // empty for the database
	// From and To are at which blocks it begins and ends, counted from the coordination block; From may be before it.
	From int `json:"from"`
	To   int `json:"to"`
}

func (s Strike) String() string {
	whom := s.Instance
	if whom == "" {
		whom = "all"
	}
	return fmt.Sprintf("%s of %s, c%+d to c%+d", s.Kind, whom, s.From, s.To)
}

// at returns the heights of a strike's begin and end.
func (s Strike) at(block chain.Height) (from, to chain.Height) {
	return chain.Height(int(block) + s.From), chain.Height(int(block) + s.To) //nolint:gosec // near a window
}

// Where strikes may lie, in blocks from the coordination block. Nothing begins before the seed block is known, and from
// lastBegin on the window is left to whoever is well: what was struck at last is then taken over within the active phase.
const (
	firstBegin  = -20
	lastBegin   = 45
	lastEnd     = 95 // of a strike on one instance; within the window, so that the next finds everybody well
	databaseEnd = 40 // the last block at which the database may be away
	// maxStrikes is how many strikes one instance suffers in a window.
	maxStrikes = 2
)

// chaosPace is what strikes are measured by.
type chaosPace struct {
	block time.Duration // between two blocks
	lease time.Duration
}

// blocks returns how many blocks a duration is, rounded up.
func (p chaosPace) blocks(d time.Duration) int { return int((d + p.block - 1) / p.block) }

// longest returns the bounds of a strike's length.
func (p chaosPace) bounds(k StrikeKind) (least, most time.Duration) {
	switch k {
	case StrikePause:
		return p.lease / 8, p.lease / 2 // short of a lease, also if a renewal was due right then
	case StrikeStop:
		return p.lease + p.lease/4, 2 * p.lease
	case StrikeDatabase:
		return p.block, p.lease / 2
	default:
		return p.block, 2 * p.lease
	}
}

// planStrikes says what befalls which instance in a round. It is a function of the random source alone. One instance is
// spared in every round and the database is there from databaseEnd on, so that whatever else happens no window may be
// lost; at least one other instance is struck, and as a rule several at once.
func planStrikes(rng *rand.Rand, instances []string, pace chaosPace) []Strike {
	order := rng.Perm(len(instances))
	victims := 1 + rng.IntN(len(instances)-1)
	var strikes []Strike
	for _, i := range order[:victims] {
		strikes = append(strikes, torment(rng, instances[i], pace)...)
	}
	if rng.IntN(4) == 0 { // a database restart befalls everybody, so it is no daily matter
		least, most := pace.bounds(StrikeDatabase)
		length := pace.blocks(between(rng, least, most))
		from := firstBegin + rng.IntN(databaseEnd-length-firstBegin+1)
		strikes = append(strikes, Strike{Kind: StrikeDatabase, From: from, To: from + length})
	}
	slices.SortStableFunc(strikes, func(a, b Strike) int { return a.From - b.From })
	return strikes
}

// Where the strike lies that befalls instances with signers while signatures are made: it begins in the first half of the first
// attempt.
const (
	signingBegin = 100
	signingSpan  = 20
)

// strikeAtSigning plans one strike more on one of those that are struck, whose wallets are about to be signed for: whoever was
// spared is spared.
func strikeAtSigning(rng *rand.Rand, strikes []Strike, pace chaosPace) Strike {
	var victims []string
	for _, s := range strikes {
		if s.Instance != "" && !slices.Contains(victims, s.Instance) {
			victims = append(victims, s.Instance)
		}
	}
	kinds := slices.DeleteFunc(strikeKinds(), func(k StrikeKind) bool { return k == StrikeDatabase })
	kind := kinds[rng.IntN(len(kinds))]
	least, most := pace.bounds(kind)
	from := signingBegin + rng.IntN(signingSpan)
	return Strike{Kind: kind, Instance: victims[rng.IntN(len(victims))], From: from, To: from + pace.blocks(between(rng, least, most))}
}

// torment plans what one instance suffers: one thing after the other.
func torment(rng *rand.Rand, instance string, pace chaosPace) []Strike {
	kinds := slices.DeleteFunc(strikeKinds(), func(k StrikeKind) bool { return k == StrikeDatabase })
	var strikes []Strike
	from := firstBegin
	for range 1 + rng.IntN(maxStrikes) {
		kind := kinds[rng.IntN(len(kinds))]
		least, most := pace.bounds(kind)
		length := pace.blocks(between(rng, least, most))
		last := min(lastBegin, lastEnd-length)
		if from > last {
			break
		}
		begin := from + rng.IntN(last-from+1)
		strikes = append(strikes, Strike{Kind: kind, Instance: instance, From: begin, To: begin + length})
		from = begin + length + 1
	}
	return strikes
}

func between(rng *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rng.Int64N(int64(most-least)+1))
}

// roundSource returns the random source of one round: a round is the same whatever the others were.
func roundSource(seed uint64, round int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(round))) //nolint:gosec // no secret, and rounds are not negative
}

// step is one change that a plan makes at a height.
type step struct {
	at     chain.Height
	strike Strike
	ends   bool
}

// schedule lays a plan out in the order of heights. Where an end and a begin share one, the end comes first.
func schedule(strikes []Strike, block chain.Height) []step {
	var steps []step
	for _, s := range strikes {
		from, to := s.at(block)
		steps = append(steps, step{from, s, false}, step{to, s, true})
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		switch {
		case a.at != b.at:
			return int(a.at) - int(b.at) //nolint:gosec // heights near a window
		case a.ends == b.ends:
			return 0
		case a.ends:
			return -1
		default:
			return 1
		}
	})
	return steps
}
