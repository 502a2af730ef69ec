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
	Points       int          // weight of the attributed faults and of the proofs; higher is worse
	Attributed   map[Kind]int // accusations by kind: attributed, or proved
	Proofs       int          // of misdeeds that are no recorded fault, as two heads of one window
	Unattributed int          // records without an accusation and without a proof; they weigh nothing
	First, Last  chain.Height // earliest and latest coordination block with an attributed fault or a proof; 0 if there is none
}

// Proved is a proof of a misdeed that is no recorded fault.
type Proved struct {
	Culprit chain.Operator
	Window  chain.Height // coordination block
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

// proofWeight is that of a proof that is no recorded fault: what proves it takes a key that was used against the protocol, as
// equivocation does.
const proofWeight = 100

// lateIdleWeight is that of an idle leader that was only late.
const lateIdleWeight = 1

// Scores sums up records and proofs by culprit, worst first; operators with equal points stand in the order of their addresses. It
// reads nothing else: the same records give the same scores, in whatever order they come. What nobody is accused of and nobody can
// prove weighs nothing.
func Scores(records []Record, proofs ...Proved) []Score {
	byCulprit := make(map[chain.Operator]*Score)
	of := func(culprit chain.Operator) *Score {
		score, known := byCulprit[culprit]
		if !known {
			score = &Score{Culprit: culprit, Attributed: make(map[Kind]int)}
			byCulprit[culprit] = score
		}
		return score
	}
	for _, record := range records {
		of(record.Culprit).add(record)
	}
	for _, p := range proofs {
		score := of(p.Culprit)
		score.Proofs++
		score.weigh(proofWeight, p.Window)
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

func (s *Score) add(r Record) {
	if !r.Attributed && r.Proof == "" {
		s.Unattributed++
		return
	}
	s.Attributed[r.Kind]++
	s.weigh(weight(r.Fault), r.Window)
}

func (s *Score) weigh(points int, window chain.Height) {
	s.Points += points
	if s.First == 0 || window < s.First {
		s.First = window
	}
	s.Last = max(s.Last, window)
}

func weight(f Fault) int {
	if f.Kind == LeaderIdle && f.Late {
		return lateIdleWeight
	}
	return weights[f.Kind]
}
