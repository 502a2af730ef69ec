package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/chain/quorum"
)

// Endpoints is what is known of the chain's endpoints; *quorum.Pool is one.
type Endpoints interface {
	Snapshot() *quorum.Snapshot
}

var (
	modes    = []quorum.Mode{quorum.ModeQuorum, quorum.ModeDegradedSingle, quorum.ModeNoQuorum}
	statuses = []quorum.Status{quorum.Healthy, quorum.Unhealthy, quorum.Unresponsive}
)

// endpoints is the collector of the chain's endpoints. Their names are the configuration's, at most seventeen; an endpoint
// that a reload removes takes its series along.
type endpoints struct {
	shown
	source Endpoints

	mode, quorum, votes, needed, groups, agreed, switches   *prometheus.Desc
	status, serving, voting, head, lag, calls, errors, took *prometheus.Desc
}

func newEndpoints(source Endpoints) *endpoints {
	e := &endpoints{source: source}
	e.mode = e.add("chain_mode", "1 for what the chain endpoints together can vouch for, 0 for the others.", "mode")
	e.quorum = e.add("chain_quorum", "1 if more than half of the vote groups agree on a head; without that the node neither leads nor accuses.")
	e.votes = e.add("chain_votes", "Vote groups that hold the agreed head, or the most that hold any one head.")
	e.needed = e.add("chain_votes_needed", "Vote groups that have to agree.")
	e.groups = e.add("chain_vote_groups", "Vote groups configured.")
	e.agreed = e.add("chain_agreed_block", "Height of the last agreed head; 0 before the first.")
	e.switches = e.add("chain_endpoint_switches_total", "Times another chain endpoint began to serve.")
	e.status = e.add("chain_endpoint_status", "1 for the status of the chain endpoint, 0 for the others; endpoints list says why.", "endpoint", "status")
	e.serving = e.add("chain_endpoint_serving", "1 if heads and reads come from the chain endpoint.", "endpoint")
	e.voting = e.add("chain_endpoint_votes", "1 if the chain endpoint holds the agreed head and has a vote.", "endpoint")
	e.head = e.add("chain_endpoint_head_block", "Height of the chain endpoint's head; 0 before the first.", "endpoint")
	e.lag = e.add("chain_endpoint_lag", "Blocks that the chain endpoint is behind the agreed head.", "endpoint")
	e.calls = e.add("chain_endpoint_calls_total", "Calls to the chain endpoint, polls included.", "endpoint")
	e.errors = e.add("chain_endpoint_errors_total", "Calls that failed through the chain endpoint's fault.", "endpoint")
	e.took = e.add("chain_endpoint_latency_seconds", "Time of the chain endpoint's answers, those to polls included.", "endpoint")
	return e
}

// Collect implements prometheus.Collector.
func (e *endpoints) Collect(ch chan<- prometheus.Metric) {
	s := e.source.Snapshot()
	for _, mode := range modes {
		gauge(ch, e.mode, truth(mode == s.Mode), string(mode))
	}
	gauge(ch, e.quorum, truth(s.Quorum))
	gauge(ch, e.votes, float64(s.Votes))
	gauge(ch, e.needed, float64(s.Needed))
	gauge(ch, e.groups, float64(s.Groups))
	gauge(ch, e.agreed, float64(s.Agreed.Height))
	counter(ch, e.switches, s.Switches)
	for _, one := range s.Endpoints {
		e.collect(ch, one)
	}
}

func (e *endpoints) collect(ch chan<- prometheus.Metric, s quorum.EndpointState) {
	for _, status := range statuses {
		gauge(ch, e.status, truth(status == s.Status), s.Name, string(status))
	}
	gauge(ch, e.serving, truth(s.Serving), s.Name)
	gauge(ch, e.voting, truth(s.Votes), s.Name)
	gauge(ch, e.head, float64(s.Head.Height), s.Name)
	gauge(ch, e.lag, float64(s.Lag), s.Name)
	counter(ch, e.calls, s.Calls, s.Name)
	counter(ch, e.errors, s.Errors, s.Name)
	within := make(map[float64]uint64, len(quorum.AnswerBounds))
	for i, bound := range quorum.AnswerBounds {
		within[bound.Seconds()] = s.Answers.Within[i]
	}
	ch <- prometheus.MustNewConstHistogram(e.took, s.Answers.Count, s.Answers.Sum.Seconds(), within, s.Name)
}
