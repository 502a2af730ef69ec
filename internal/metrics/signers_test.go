package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

func TestSignersAreReadWhenScraped(t *testing.T) {
	n := &node{}
	r := newRecorder(n)
	require.NotContains(t, series(t, r), `signer_wallets{signer="enclave-1"}`)
	n.signers = []placement.Status{
		{
			Spec: placement.Spec{ID: "enclave-1"}, Word: placement.Word{State: placement.Retired}, Standing: placement.Suspect,
			Wallets: 3, Unsignable: 2, Pending: 1, Reported: 5, Probes: 9, FailedProbes: 4,
			Findings: []placement.Finding{{Kind: placement.Orphan}, {Kind: placement.Orphan}, {Kind: placement.RolledBack}},
			Calls:    placement.Calls{Count: 7, Failed: 6, Sum: 3 * time.Second, Signatures: 8, Within: [len(placement.CallBounds)]uint64{1, 2}},
		},
		{Spec: placement.Spec{ID: "enclave-0"}, Word: placement.Word{State: placement.Retired}, Removed: true, Standing: placement.Unknown},
	}
	got := series(t, r)
	for name, want := range map[string]string{
		`signer_state{signer="enclave-1",state="retired"}`:             "1",
		`signer_state{signer="enclave-1",state="active"}`:              "0",
		`signer_state{signer="enclave-0",state="retired"}`:             "0",
		`signer_health{health="suspect",signer="enclave-1"}`:           "1",
		`signer_health{health="healthy",signer="enclave-1"}`:           "0",
		`signer_wallets{signer="enclave-1"}`:                           "3",
		`signer_wallets_unsignable{signer="enclave-1"}`:                "2",
		`signer_wallets_pending{signer="enclave-1"}`:                   "1",
		`signer_keys{signer="enclave-1"}`:                              "5",
		`signer_differences{kind="orphan",signer="enclave-1"}`:         "2",
		`signer_differences{kind="rolled_back",signer="enclave-1"}`:    "1",
		`signer_differences{kind="missing",signer="enclave-1"}`:        "0",
		`signer_probes_total{signer="enclave-1"}`:                      "9",
		`signer_probe_failures_total{signer="enclave-1"}`:              "4",
		`signer_call_failures_total{signer="enclave-1"}`:               "6",
		`signer_signatures_total{signer="enclave-1"}`:                  "8",
		`signer_latency_seconds_count{signer="enclave-1"}`:             "7",
		`signer_latency_seconds_sum{signer="enclave-1"}`:               "3",
		`signer_latency_seconds_bucket{signer="enclave-1",le="0.005"}`: "2",
	} {
		require.Equal(t, want, got[name], name)
	}
	n.signers = nil
	require.NotContains(t, series(t, r), `signer_wallets{signer="enclave-1"}`, "a signer that is gone takes its series along")
	require.NotContains(t, series(t, New(Sources{Clock: n})), `signer_keys{signer="enclave-1"}`)
}
