package faults

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// Score sums up what is on record against one operator.
type Score struct {
	Culprit      chain.Operator
	Points       int          // weight of the attributed faults; higher is worse
	Attributed   map[Kind]int // accusations by kind
	Unattributed int          // records without an accusation; they weigh nothing
	First, Last  chain.Height // earliest and latest coordination block with an attributed fault; 0 if there is none
}

// weights orders the misdeeds by what they take to commit. Silence happens to every honest operator (a restart, a
// broken line), so it takes five silent windows to weigh as much as one wrong proposal, which needs faulty or
// modified software. Impersonation and equivocation need a key used against the protocol: they are proofs of intent or of
// a stolen key, and one of them outweighs a month of trouble. An idle leader whose message came late weighs half.
var weights = map[Kind]int{
	LeaderIdle:          2,
	LeaderMistake:       10,
	LeaderImpersonation: 50,
	LeaderEquivocation:  100,
}

// lateIdleWeight is that of an idle leader that was only late.
const lateIdleWeight = 1

// Scores sums up records by culprit, worst first; operators with equal points stand in the order of their addresses. It
// reads the records alone: the same records give the same scores, in whatever order they come.
func Scores(records []Record) []Score {
	byCulprit := make(map[chain.Operator]*Score)
	for _, record := range records {
		score, known := byCulprit[record.Culprit]
		if !known {
			score = &Score{Culprit: record.Culprit, Attributed: make(map[Kind]int)}
			byCulprit[record.Culprit] = score
		}
		score.add(record.Fault)
	}
	scores := make([]Score, 0, len(byCulprit))
	for _, score := range byCulprit {
		scores = append(scores, *score)
	}
	slices.SortFunc(scores, func(a, b Score) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), bytes.Compare(a.Culprit[:], b.Culprit[:]))
	})
	return scores
}

func (s *Score) add(f Fault) {
	if !f.Attributed {
		s.Unattributed++
		return
	}
	s.Attributed[f.Kind]++
	s.Points += weight(f)
	if s.First == 0 || f.Window < s.First {
		s.First = f.Window
	}
	s.Last = max(s.Last, f.Window)
}

func weight(f Fault) int {
	if f.Kind == LeaderIdle && f.Late {
		return lateIdleWeight
	}
	return weights[f.Kind]
}
