package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
)

// Scores sums up what is on record against each operator, worst first.
type Scores struct {
	Operators []Score `json:"operators"`
}

// Score sums up what is on record against one operator.
type Score struct {
	Operator     chain.Operator      `json:"operator"`
	Points       int                 `json:"points"`       // weight of the attributed faults; higher is worse
	Attributed   map[faults.Kind]int `json:"attributed"`   // accusations by kind; every kind is named
	Unattributed int                 `json:"unattributed"` // records without an accusation; they weigh nothing
	First        *chain.Height       `json:"first_window"` // with an attributed fault
	Last         *chain.Height       `json:"last_window"`  // with an attributed fault
}

// NewScores sums up stored faults.
func NewScores(records []faults.Record) Scores {
	return Scores{Operators: each(faults.Scores(records), newScore)}
}

func newScore(s faults.Score) Score {
	attributed := make(map[faults.Kind]int, len(faults.Kinds()))
	for _, kind := range faults.Kinds() {
		attributed[kind] = s.Attributed[kind]
	}
	return Score{s.Culprit, s.Points, attributed, s.Unattributed, pointer(s.First), pointer(s.Last)}
}
