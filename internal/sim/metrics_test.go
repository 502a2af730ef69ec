package sim

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/node"
)

// scrape returns the series of a node's own and their values.
func scrape(n *node.Node) map[string]string {
	answer := httptest.NewRecorder()
	n.Metrics().Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	found := map[string]string{}
	for line := range strings.Lines(answer.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "walletnode_") {
			found[strings.TrimPrefix(name, "walletnode_")] = value
		}
	}
	return found
}

func TestSection8ANodeCountsWhatItRecords(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2)
	withMocknet(t, 3, func(t *testing.T, w *world) {
		w.chain.requests = []chain.RedemptionRequest{{
			Script: []byte{0, 20, 1}, RequestedAmount: 1_000_000, TxMaxFee: 100_000,
			RequestedAt: must(w.chain.Header(t.Context(), 700)).Time,
		}}
		for n := range 3 {
			w.start(n)
		}
		w.pass(1010)
		w.chain.Show(2690) // window 1800 goes by unseen
		synctest.Wait()
		held, err := w.nodes[0].StoreState(t.Context())
		require.NoError(t, err)
		require.True(t, held.Running)
		require.NotNil(t, held.Process)
		require.Equal(t, []int64{1, 1, 1}, []int64{held.Counts.Results, held.Counts.Missed, held.Counts.Actions})
		leader := numberOf(t, w.leader(wallet, 900))
		for n := range 3 {
			led, followed := "0", "1"
			if n == leader {
				led, followed = "1", "0"
			}
			got := scrape(w.nodes[n].Node)
			for name, want := range map[string]string{
				`windows_total{reason="ok"}`:                           "1",
				`windows_missed_total{reason="chain_stalled"}`:         "1",
				`leader_turns_total{outcome="proposed"}`:               led,
				`proposal_send_blocks_count`:                           led,
				`proposal_receive_blocks_count`:                        followed,
				`window_open_blocks_bucket{le="0"}`:                    "1",
				`actions_total{kind="Redemption",outcome="no_signer"}`: "1",
				`action_duration_seconds_count{kind="Redemption"}`:     "1",
				`coordination_duration_seconds_bucket{le="975"}`:       "1",
				`coordination_duration_seconds_bucket{le="930"}`:       "0",
				`faults_total{attributed="true",kind="leader_idle"}`:   "0",
				`head_block`:              "2690",
				`clock_stale`:             "0",
				`peers{state="admitted"}`: "2",
			} {
				require.Equal(t, want, got[name], "node %d: %s", n, name)
			}
			heads := 0
			for name, value := range got {
				if strings.HasPrefix(name, "evidence_heads_heard_total") {
					heads += must(strconv.Atoi(value))
				}
			}
			require.Positive(t, heads, "of the others")
			delivered := must(strconv.Atoi(got[`network_messages_total{fate="delivered"}`]))
			require.Equal(t, followed, strconv.Itoa(delivered-heads), "node %d: what is delivered beside heads", n)
		}
	}, wallet)
}
