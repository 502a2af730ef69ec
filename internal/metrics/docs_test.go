package metrics

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

var update = flag.Bool("update", false, "write the generated documents instead of comparing them")

const introduction = `# Metrics

With ` + "`listen`" + ` in the table ` + "`[metrics]`" + ` of its configuration a node serves these at ` + "`/metrics`" + `, in Prometheus's text form, together with
the usual ` + "`go_`" + ` and ` + "`process_`" + ` metrics of any Go program. Counters begin at zero with each start. No label names a wallet, an
operator or a window: the number of series depends on nothing but the configured chain endpoints, signers and mailboxes, and ` + "`windows list`" + ` and
` + "`faults list`" + ` have the rest. The ` + "`walletnode_chain_`" + ` metrics are there with ` + "`enabled`" + ` in ` + "`[ethereum.multi]`" + ` only,
those of instances, the lease and what instances share with a database that they share only, and those of signers where there are any.
A window that a stopped node left open and came back too late for is in ` + "`windows list`" + ` alone.

There is no password. Keep the address a loopback one, or let only the scraper reach it.

Left out on purpose: how each operator takes part (` + "`faults summary`" + ` and ` + "`windows list`" + ` have it) and the mesh of each wallet's
channel (the check ` + "`peers`" + ` fails if one has no other operator in reach, and ` + "`/readyz`" + ` says which), because their labels would grow
with wallets and operators; the time of each kind of write to the store, because writes of all kinds share one flush, which is
what takes the time; and the collectors of libp2p, some hundred series whose names change with its releases: what an operator
can act on of them is in ` + "`walletnode_peers`" + `, ` + "`walletnode_peer_join_failures_total`" + ` and ` + "`walletnode_network_`" + `. A single chain endpoint
has no metrics of its calls: there is none to prefer to it, and what its failures do is in ` + "`walletnode_head_age_seconds`" + `,
` + "`walletnode_clock_stale`" + ` and the windows' reasons.

This page is generated from the code: ` + "`go test ./internal/metrics -run Docs -update`" + `. Alerts may rely on the names and labels.

| metric | type | labels | what it is |
|---|---|---|---|
`

// Alerts and dashboards are written against these names.
func TestDocsMetricsIsTheListOfMetricsAndLabels(t *testing.T) {
	families, err := newRecorder(&node{
		endpoints: quorum.Snapshot{Endpoints: []quorum.EndpointState{{Name: "primary"}}},
		signers:   []placement.Status{{Spec: placement.Spec{ID: "enclave-1"}}},
		fed:       FeedCounts{Unread: map[string]uint64{"tools": 0}},
	}).registry.Gather()
	require.NoError(t, err)
	doc := strings.Builder{}
	doc.WriteString(introduction)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix+"_") {
			continue
		}
		var names []string
		values := map[string][]string{}
		for _, m := range f.GetMetric() {
			for _, label := range m.GetLabel() {
				if !slices.Contains(names, label.GetName()) {
					names = append(names, label.GetName())
				}
				if v := "`" + label.GetValue() + "`"; !slices.Contains(values[label.GetName()], v) {
					values[label.GetName()] = append(values[label.GetName()], v)
				}
			}
		}
		var labels []string
		for _, name := range names {
			switch {
			case len(values[name]) == len(coordination.Reasons()):
				labels = append(labels, "`reason`: one of [reasons.md](reasons.md)")
			case name == "endpoint":
				labels = append(labels, "`endpoint`: as configured")
			case name == "signer":
				labels = append(labels, "`signer`: its id as configured")
			case f.GetName() == prefix+"_build_info": // another with each build
				labels = append(labels, "`"+name+"`")
			default:
				labels = append(labels, "`"+name+"`: "+strings.Join(values[name], " "))
			}
		}
		fmt.Fprintf(&doc, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, "; "), f.GetHelp())
	}
	const path = "../../docs/metrics.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(doc.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, doc.String(), string(have), "run the command that the page names")
}
