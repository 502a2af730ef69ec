package exchange

import (
	"maps"
	"sync"

	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// Counters say what a service has done since its start.
type Counters struct {
	HeadsMade    uint64
	HeadsSkipped uint64 // tries to make one that the database was in doubt about
	HeadsLost    uint64 // of this operator, heard and not on record
	HeadsHeard   map[heads.Verdict]uint64
	HeadsRefused uint64 // what is no head, or of another chain

	Comparisons       uint64 // brought to their end by this side
	ComparisonsFailed uint64
	Answers           uint64 // to questions of others
	Findings          map[compare.Kind]uint64

	Proofs        map[evidence.Kind]uint64 // stored by this instance, each the first of its misdeed
	ProofsRefused uint64
	NewsRefused   uint64
	QuotesDropped uint64
}

// NewCounters returns counters that are all zero, with every kind that there is in the maps.
func NewCounters() Counters {
	return Counters{
		HeadsHeard: zeros(heads.Fresh, heads.Repeated, heads.Guilty, heads.Suspect, heads.Useless),
		Findings:   zeros(compare.Ours, compare.Theirs, compare.Contradiction, compare.Denied, compare.Same, compare.Unshown),
		Proofs:     zeros(evidence.TwoStatements, evidence.TwoHeads, evidence.Fork, evidence.Denial),
	}
}

func zeros[K comparable](kinds ...K) map[K]uint64 {
	all := make(map[K]uint64, len(kinds))
	for _, k := range kinds {
		all[k] = 0
	}
	return all
}

// tally counts what a service does. Its mutex is held for one count or one look; nothing else is locked meanwhile.
type tally struct {
	mu  sync.Mutex
	now Counters // its maps are the tally's own
}

func newTally() *tally { return &tally{now: NewCounters()} }

func (t *tally) count(change func(*Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.now)
}

// values returns a copy of the counters.
func (t *tally) values() Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.now
	c.HeadsHeard, c.Findings, c.Proofs = maps.Clone(c.HeadsHeard), maps.Clone(c.Findings), maps.Clone(c.Proofs)
	return c
}

// Counters returns the counters' values now.
func (s *Service) Counters() Counters { return s.tally.values() }
