package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// Scores sums up what is on record against each operator, worst first.
type Scores struct {
	Operators []Score `json:"operators"`
}

// Score sums up what is on record against one operator.
type Score struct {
	Operator     chain.Operator      `json:"operator"`
	Points       int                 `json:"points"`       // weight of the attributed faults and of the proofs; higher is worse
	Attributed   map[faults.Kind]int `json:"attributed"`   // accusations by kind, attributed or proved; every kind is named
	Proofs       int                 `json:"proofs"`       // of misdeeds that are no recorded fault
	Unattributed int                 `json:"unattributed"` // records without an accusation or a proof; they weigh nothing
	First        *chain.Height       `json:"first_window"` // with an attributed fault or a proof
	Last         *chain.Height       `json:"last_window"`  // with an attributed fault or a proof
}

// newScores sums up stored faults, and proofs of what is no recorded fault.
func newScores(records []faults.Record, proofs []exchange.StoredProof) Scores {
	var proved []faults.Proved
	for _, p := range proofs {
		if p.Fault == "" {
			proved = append(proved, faults.Proved{Culprit: p.Slot.Operator, Window: p.Slot.Window})
		}
	}
	return Scores{Operators: each(faults.Scores(records, proved...), newScore)}
}

func newScore(s faults.Score) Score {
	attributed := make(map[faults.Kind]int, len(faults.Kinds()))
	for _, kind := range faults.Kinds() {
		attributed[kind] = s.Attributed[kind]
	}
	return Score{s.Culprit, s.Points, attributed, s.Proofs, s.Unattributed, pointer(s.First), pointer(s.Last)}
}
