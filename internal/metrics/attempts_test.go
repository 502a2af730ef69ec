package metrics

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

func TestAttemptsToSignAreCounted(t *testing.T) {
	r := newRecorder(&node{})
	r.Attempted(proposal.Order{}, signing.Attempt{Begun: 990, Ended: 992, Whole: true, Result: signing.ResultSigned})
	r.Attempted(proposal.Order{}, signing.Attempt{Begun: 990, Ended: 1030, Whole: true, Result: signing.ResultTooFew, Absent: []chain.Operator{{1}, {2}}})
	r.Attempted(proposal.Order{}, signing.Attempt{Begun: 1020, Ended: 1030, Result: signing.ResultTooFew, Absent: []chain.Operator{{3}}})
	r.Inactive()
	before := len(series(t, r))
	r.Attempted(proposal.Order{}, signing.Attempt{Result: "what is not on the list"})
	got := series(t, r)
	require.Len(t, got, before, "no series comes along")
	for name, want := range map[string]string{
		`signing_attempts_total{result="signed"}`:        "1",
		`signing_attempts_total{result="too_few_seats"}`: "2",
		`signing_attempts_total{result="cheated"}`:       "0",
		`signing_attempt_blocks_bucket{le="2"}`:          "2", // with the one of no length
		`signing_attempt_blocks_bucket{le="11"}`:         "3",
		`signing_attempt_blocks_sum`:                     "52",
		`signing_absences_total`:                         "2", // who is not heard by one that came later may have been there
		`inactivity_findings_total`:                      "1",
	} {
		require.Equal(t, want, got[name], name)
	}

	without := New(Sources{Clock: &node{}})
	without.Attempted(proposal.Order{}, signing.Attempt{Result: signing.ResultSigned})
	without.Inactive()
	require.NotContains(t, series(t, without), `signing_attempts_total{result="signed"}`)
	require.NotContains(t, series(t, without), `inactivity_findings_total`)
}
