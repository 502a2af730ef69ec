package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
)

func TestEndpointsAreReadWhenScraped(t *testing.T) {
	n := &node{endpoints: quorum.Snapshot{
		Mode: quorum.ModeDegradedSingle, Quorum: true, Agreed: chain.Header{Height: 900}, Votes: 2, Groups: 3, Needed: 2, Switches: 4,
		Endpoints: []quorum.EndpointState{
			{
				Name: "primary", Status: quorum.Unhealthy, Head: chain.Header{Height: 897}, Lag: 3, Calls: 7, Errors: 2,
				Answers: quorum.Answers{Count: 3, Sum: 2070 * time.Millisecond, Within: [...]uint64{0, 0, 1, 1, 2, 2, 2, 2, 3}},
			},
			{Name: "other", Status: quorum.Healthy, Serving: true, Votes: true, Head: chain.Header{Height: 900}},
		},
	}}
	r := newRecorder(n)
	got := series(t, r)
	for name, want := range map[string]string{
		`chain_mode{mode="degraded_single"}`: "1", `chain_mode{mode="quorum"}`: "0", `chain_mode{mode="no_quorum"}`: "0",
		"chain_quorum": "1", "chain_votes": "2", "chain_votes_needed": "2", "chain_vote_groups": "3", "chain_agreed_block": "900",
		"chain_endpoint_switches_total":                                       "4",
		`chain_endpoint_status{endpoint="primary",status="unhealthy"}`:        "1",
		`chain_endpoint_status{endpoint="primary",status="healthy"}`:          "0",
		`chain_endpoint_status{endpoint="other",status="healthy"}`:            "1",
		`chain_endpoint_status{endpoint="other",status="unresponsive"}`:       "0",
		`chain_endpoint_head_block{endpoint="primary"}`:                       "897",
		`chain_endpoint_lag{endpoint="primary"}`:                              "3",
		`chain_endpoint_calls_total{endpoint="primary"}`:                      "7",
		`chain_endpoint_errors_total{endpoint="primary"}`:                     "2",
		`chain_endpoint_latency_seconds_count{endpoint="primary"}`:            "3",
		`chain_endpoint_latency_seconds_sum{endpoint="primary"}`:              "2.07",
		`chain_endpoint_latency_seconds_bucket{endpoint="primary",le="0.1"}`:  "2",
		`chain_endpoint_latency_seconds_bucket{endpoint="primary",le="2"}`:    "3",
		`chain_endpoint_latency_seconds_bucket{endpoint="primary",le="+Inf"}`: "3",
		`chain_endpoint_latency_seconds_count{endpoint="other"}`:              "0",
		`chain_endpoint_serving{endpoint="primary"}`:                          "0", `chain_endpoint_serving{endpoint="other"}`: "1",
		`chain_endpoint_votes{endpoint="primary"}`: "0", `chain_endpoint_votes{endpoint="other"}`: "1",
	} {
		require.Equal(t, want, got[name], name)
	}

	n.endpoints.Endpoints = n.endpoints.Endpoints[:1] // a reload
	require.NotContains(t, series(t, r), `chain_endpoint_serving{endpoint="other"}`, "who has left leaves no series behind")
	alone := series(t, New(Sources{Clock: n, Node: n}))
	require.NotContains(t, alone, "chain_quorum", "one endpoint alone has no majority to tell of")
}
