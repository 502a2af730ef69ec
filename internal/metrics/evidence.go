package metrics

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// Evidence is what the exchange of evidence has done; a node has it.
type Evidence interface {
	// Exchanged is asked at each scrape and must not block.
	Exchanged() exchange.Counters
}

// attestations is the collector of the exchange of evidence.
type attestations struct {
	shown
	source Evidence

	made, skipped, lost, heard, comparisons, answers, findings, proofs, refused *prometheus.Desc
}

func newAttestations(source Evidence) *attestations {
	a := &attestations{source: source}
	a.made = a.add("evidence_heads_made_total", "Windows of which this instance made the operator's head.")
	a.skipped = a.add("evidence_heads_skipped_total", "Tries to make a head that were given up because data was lost and the window may have been attested before.")
	a.lost = a.add("evidence_heads_lost_total", "Heads of this operator that were heard and are not on record here: data was lost, or somebody else has the key.")
	a.heard = a.add("evidence_heads_heard_total", "Heads of other operators by what they show beside those heard before; refused are no heads.", "verdict")
	a.comparisons = a.add("evidence_comparisons_total", "Comparisons of histories that this instance began.", "outcome")
	a.answers = a.add("evidence_answers_total", "Questions of other operators about heads and proofs that were answered.")
	a.findings = a.add("evidence_findings_total", "Differences that comparisons found.", "kind")
	a.proofs = a.add("evidence_proofs_total", "Proofs that this instance stored by way of heads, comparisons and other operators' news, each the first of its misdeed; evidence list has all.", "kind")
	a.refused = a.add("evidence_refused_total", "What other operators told and is none.", "what")
	return a
}

// Collect implements prometheus.Collector.
func (a *attestations) Collect(ch chan<- prometheus.Metric) {
	now := a.source.Exchanged()
	counter(ch, a.made, now.HeadsMade)
	counter(ch, a.skipped, now.HeadsSkipped)
	counter(ch, a.lost, now.HeadsLost)
	byKind(ch, a.heard, now.HeadsHeard)
	counter(ch, a.heard, now.HeadsRefused, "refused")
	counter(ch, a.comparisons, now.Comparisons, "complete")
	counter(ch, a.comparisons, now.ComparisonsFailed, "broken_off")
	counter(ch, a.answers, now.Answers)
	byKind(ch, a.findings, now.Findings)
	byKind(ch, a.proofs, now.Proofs)
	counter(ch, a.refused, now.ProofsRefused, "proof")
	counter(ch, a.refused, now.NewsRefused, "news")
}

// byKind shows counters whose map has every kind that there is.
func byKind[K ~string](ch chan<- prometheus.Metric, d *prometheus.Desc, counts map[K]uint64) {
	kinds := make([]K, 0, len(counts))
	for k := range counts {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, cmp.Compare)
	for _, k := range kinds {
		counter(ch, d, counts[k], string(k))
	}
}
