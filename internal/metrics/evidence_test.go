package metrics

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

func TestTheExchangeOfEvidenceIsShownAsItIsAtTheScrape(t *testing.T) {
	n := &node{}
	r := newRecorder(n)
	before := series(t, r)
	for _, name := range []string{`evidence_proofs_total{kind="fork"}`, `evidence_heads_heard_total{verdict="guilty"}`, `evidence_findings_total{kind="ours"}`} {
		require.Equal(t, "0", before[name], "every series is there before anything happens: %s", name)
	}
	c := exchange.NewCounters()
	c.HeadsMade, c.HeadsSkipped, c.HeadsLost, c.HeadsRefused, c.Answers = 1, 2, 3, 4, 5
	c.Comparisons, c.ComparisonsFailed, c.ProofsRefused, c.NewsRefused = 6, 7, 8, 9
	c.HeadsHeard[heads.Suspect], c.Findings[compare.Theirs], c.Proofs[evidence.Denial] = 10, 11, 12
	n.exchanged = &c
	after := series(t, r)
	for name, want := range map[string]string{
		"evidence_heads_made_total": "1", "evidence_heads_skipped_total": "2", "evidence_heads_lost_total": "3",
		`evidence_heads_heard_total{verdict="refused"}`: "4", "evidence_answers_total": "5",
		`evidence_comparisons_total{outcome="complete"}`: "6", `evidence_comparisons_total{outcome="broken_off"}`: "7",
		`evidence_refused_total{what="proof"}`: "8", `evidence_refused_total{what="news"}`: "9",
		`evidence_heads_heard_total{verdict="suspect"}`: "10", `evidence_findings_total{kind="theirs"}`: "11",
		`evidence_proofs_total{kind="denial"}`: "12", `evidence_proofs_total{kind="two_heads"}`: "0",
	} {
		require.Equal(t, want, after[name], name)
	}
	require.NotContains(t, series(t, New(Sources{Clock: n})), "evidence_heads_made_total", "a network that carries none")
}
