package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// Signers is what is known of the signer backends; *placement.Pool is one.
type Signers interface {
	// Backends is asked at each scrape and must not block.
	Backends() []placement.Status
}

// signerStates are the values of a signer's state: what the operator says of it.
var signerStates = []placement.State{placement.Active, placement.Retired, placement.Failed}

// signers is the collector of the signer backends. Their ids are the configuration's, at most sixty-four and the embedded one,
// and those that wallets are still assigned to.
type signers struct {
	shown
	source Signers

	state, health, feed, feedProofs, feedDoubted, wallets, unsignable, pending, keys, differences *prometheus.Desc
	probes, failedProbes, took, failedCalls, signatures                                           *prometheus.Desc
}

func newSigners(source Signers) *signers {
	s := &signers{source: source}
	s.state = s.add("signer_state", "1 for what the operator says of the signer, 0 for the others.", "signer", "state")
	s.health = s.add("signer_health", "1 for how the signer fares, 0 for the others: foreign is one that is not who it was; signers list says why.", "signer", "health")
	s.feed = s.add("signer_feed", "1 for how the signer fares with its mailboxes of leaders' messages, the best of them, 0 for the others: off takes the node's word, false signs nothing.", "signer", "state")
	s.feedProofs = s.add("signer_feed_proofs", "Proofs of the signer that its mailbox and another one were told different things.", "signer")
	s.feedDoubted = s.add("signer_feed_doubted", "Instances whose mailbox for the signer is not what they sign, and differences between those of two.", "signer")
	s.wallets = s.add("signer_wallets", "Wallets that the signer serves, without archived ones.", "signer")
	s.unsignable = s.add("signer_wallets_unsignable", "Wallets of the signer that cannot be signed for now; wallets list says why.", "signer")
	s.pending = s.add("signer_wallets_pending", "Key generations under way in the signer.", "signer")
	s.keys = s.add("signer_keys", "Keys that the signer said it holds.", "signer")
	s.differences = s.add("signer_differences", "Differences between what the signer holds and what is written down of it.", "signer", "kind")
	s.probes = s.add("signer_probes_total", "Probes of the signer.", "signer")
	s.failedProbes = s.add("signer_probe_failures_total", "Probes that the signer failed.", "signer")
	s.took = s.add("signer_latency_seconds", "Time of calls to the signer, probes included.", "signer")
	s.failedCalls = s.add("signer_call_failures_total", "Calls that the signer did not answer, or could not: refusals are answers.", "signer")
	s.signatures = s.add("signer_signatures_total", "Signing sessions of the signer that came to a signature.", "signer")
	return s
}

// Collect implements prometheus.Collector.
func (s *signers) Collect(ch chan<- prometheus.Metric) {
	for _, b := range s.source.Backends() {
		s.collect(ch, b)
	}
}

func (s *signers) collect(ch chan<- prometheus.Metric, b placement.Status) {
	for _, state := range signerStates {
		gauge(ch, s.state, truth(state == b.Word.State && !b.Removed), b.ID, string(state))
	}
	for _, health := range placement.Standings() {
		gauge(ch, s.health, truth(health == b.Standing), b.ID, string(health))
	}
	for _, state := range signer.FeedStates() {
		gauge(ch, s.feed, truth(state == b.Feed), b.ID, string(state))
	}
	gauge(ch, s.feedProofs, float64(b.FeedProofs), b.ID)
	gauge(ch, s.feedDoubted, float64(b.FeedDoubted), b.ID)
	gauge(ch, s.wallets, float64(b.Wallets), b.ID)
	gauge(ch, s.unsignable, float64(b.Unsignable), b.ID)
	gauge(ch, s.pending, float64(b.Pending), b.ID)
	gauge(ch, s.keys, float64(b.Reported), b.ID)
	found := map[placement.Discrepancy]int{}
	for _, f := range b.Findings {
		found[f.Kind]++
	}
	for _, kind := range placement.Discrepancies() {
		gauge(ch, s.differences, float64(found[kind]), b.ID, string(kind))
	}
	counter(ch, s.probes, b.Probes, b.ID)
	counter(ch, s.failedProbes, b.FailedProbes, b.ID)
	counter(ch, s.failedCalls, b.Calls.Failed, b.ID)
	counter(ch, s.signatures, b.Calls.Signatures, b.ID)
	within := make(map[float64]uint64, len(placement.CallBounds))
	for i, bound := range placement.CallBounds {
		within[bound.Seconds()] = b.Calls.Within[i]
	}
	ch <- prometheus.MustNewConstHistogram(s.took, b.Calls.Count, b.Calls.Sum.Seconds(), within, b.ID)
}
