package metrics

import (
	"encoding/binary"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/quorum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
	"github.com/walletnode/walletnode/proposal/action/signer/placement"
)

// node is a clock and a network as a test wants them.
type node struct {
	head     chain.Head
	stale    bool
	peers    func() []net.PeerInfo
	counters net.Counters

	condition Condition
	endpoints quorum.Snapshot
	fleet     Fleet
	signers   []placement.Status
	exchanged *exchange.Counters
	fed       FeedCounts
}

func (n *node) Head() chain.Head       { return n.head }
func (n *node) Stale() bool            { return n.stale }
func (n *node) Counters() net.Counters { return n.counters }
func (n *node) Peers() []net.PeerInfo {
	if n.peers == nil {
		return nil
	}
	return n.peers()
}

func newRecorder(n *node) *Recorder {
	return New(Sources{Clock: n, Network: n, Node: n, Endpoints: n, Instances: n, Signers: n, Evidence: n, Feed: n})
}

func (n *node) Snapshot() *quorum.Snapshot { return &n.endpoints }

func (n *node) Fleet() Fleet { return n.fleet }

func (n *node) Backends() []placement.Status { return n.signers }

func (n *node) Fed() FeedCounts { return n.fed }

func (n *node) Exchanged() exchange.Counters {
	if n.exchanged == nil {
		return exchange.NewCounters()
	}
	return *n.exchanged
}

func (n *node) Condition() Condition { return n.condition }

func window(t testing.TB, block chain.Height) coordination.Window {
	t.Helper()
	w, ok := coordination.RFC12().Window(block)
	require.True(t, ok)
	return w
}

// series reads every series of the node's own, as a scraper sees it: `name{labels}` and its value.
func series(t testing.TB, r *Recorder) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(scrape(t, r)) {
		if name, value, ok := cutLast(strings.TrimSpace(line)); ok && strings.HasPrefix(name, prefix+"_") {
			found[strings.TrimPrefix(name, prefix+"_")] = value
		}
	}
	require.NotEmpty(t, found)
	return found
}

func cutLast(line string) (name, value string, ok bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 || strings.HasPrefix(line, "#") {
		return "", "", false
	}
	return line[:i], line[i+1:], true
}

// The reference client publishes averages as gauges, per wallet.
func TestSection8MetricsAreHistogramsWithBoundedLabels(t *testing.T) {
	n := &node{}
	r := newRecorder(n)
	fresh := series(t, r)

	const many = 5000
	kinds, reasons, outcomes := faults.Kinds(), coordination.Reasons(), action.Outcomes()
	for i := range many {
		var wallet chain.WalletID
		var operator chain.Operator
		binary.BigEndian.PutUint64(wallet[:], uint64(i))
		binary.BigEndian.PutUint64(operator[:], uint64(i))
		w := window(t, chain.Height(i+1)*900)
		fault := faults.Fault{
			Key:        faults.Key{Wallet: wallet, Window: w.Block, Kind: kinds[i%len(kinds)], Culprit: operator},
			Attributed: i%2 == 0, Detail: operator.String(),
		}
		r.Observe(coordination.Result{
			Wallet: wallet, Window: w, Role: coordination.RoleFollower, Leader: operator, Proposal: proposal.Noop{},
			ReceivedAt: w.Block + 10, OpenedAt: w.Block + 1, Faults: []faults.Fault{fault}, Reason: reasons[i%len(reasons)],
			Detail: wallet.String(),
		})
		r.Observe(coordination.Amendment{Wallet: wallet, Window: w, Fault: fault, Revoke: i%3 == 0})
		r.Opened(coordination.Opened{Block: w.Block})
		r.ActionEnded(action.Ended{Order: proposal.Order{Wallet: wallet, Window: w.Block, Proposal: proposal.Heartbeat{}}, Outcome: outcomes[i%len(outcomes)], Begun: true, Took: time.Second})
	}
	r.Observe(coordination.Result{Window: window(t, 900), Reason: "no such reason", OpenedAt: 900})
	r.ActionEnded(action.Ended{Order: proposal.Order{Proposal: proposal.Heartbeat{}}, Outcome: "no such outcome"})
	r.ActionEnded(action.Ended{Order: proposal.Order{Proposal: proposal.Noop{}}, Outcome: action.OK, Begun: true, Took: time.Second})
	r.ActionEnded(action.Ended{Outcome: action.OK})
	n.peers = func() []net.PeerInfo { return make([]net.PeerInfo, many) }

	after := series(t, r)
	require.ElementsMatch(t, keys(fresh), keys(after), "the number of series has grown")
	require.Less(t, len(after), 400)
	require.Equal(t, "5000", after["proposal_receive_blocks_count"])

	families, err := r.registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		name, own := strings.CutPrefix(f.GetName(), prefix+"_")
		switch {
		case !own:
		case strings.HasSuffix(name, "_blocks"), strings.HasSuffix(name, "_seconds") && !strings.HasSuffix(name, "_age_seconds") && name != "lease_seconds":
			require.Equal(t, "HISTOGRAM", f.GetType().String(), name)
		case f.GetType().String() == "GAUGE":
			// The state of this moment, nothing that was summed up.
			require.Contains(t, []string{
				"actions_overdue", "actions_pending", "bans", "build_info", "chain_agreed_block", "chain_endpoint_head_block", "chain_endpoint_lag",
				"chain_endpoint_serving", "chain_endpoint_status", "chain_endpoint_votes", "chain_mode", "chain_quorum",
				"chain_vote_groups", "chain_votes", "chain_votes_needed", "clock_stale", "head_age_seconds", "head_block", "health_check",
				"instances", "lease_seconds", "peers", "ready", "shared_age_seconds", "state", "wallets_halted", "wallets_served",
				"wallets_unowned", "window_index", "window_phase",
			}, name)
		}
	}
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestHistogramKeepsTheOneWindowThatNearlyFailed(t *testing.T) {
	r := newRecorder(&node{})
	w := window(t, 900)
	for range 9 {
		r.Observe(coordination.Result{Window: w, Role: coordination.RoleFollower, OpenedAt: 900, ReceivedAt: 901, Reason: coordination.ReasonOK})
	}
	r.Observe(coordination.Result{Window: w, Role: coordination.RoleFollower, OpenedAt: 900, ReceivedAt: 979, Reason: coordination.ReasonOK})
	got := series(t, r)
	require.Equal(t, "0", got[`proposal_receive_blocks_bucket{le="0"}`])
	require.Equal(t, "9", got[`proposal_receive_blocks_bucket{le="1"}`])
	require.Equal(t, "9", got[`proposal_receive_blocks_bucket{le="70"}`])
	require.Equal(t, "10", got[`proposal_receive_blocks_bucket{le="80"}`])
	require.Equal(t, "10", got[`window_open_blocks_bucket{le="0"}`])
}

func TestResultsAreCountedOnceInEachPlace(t *testing.T) {
	r := newRecorder(&node{})
	for name, value := range series(t, r) {
		if strings.Contains(name, "_total") {
			require.Equal(t, "0", value, "%s does not begin at zero", name)
		}
	}
	w := window(t, 1800)
	idle := faults.Fault{Key: faults.Key{Kind: faults.LeaderIdle}}
	late := idle
	late.Late = true
	impostor := faults.Fault{Key: faults.Key{Kind: faults.LeaderImpersonation}, Attributed: true}
	twoFaced := faults.Fault{Key: faults.Key{Kind: faults.LeaderEquivocation}, Attributed: true}

	for _, report := range []coordination.Report{
		coordination.Result{Window: w, Role: coordination.RoleLeader, OpenedAt: 1800, ReceivedAt: 1802, Reason: coordination.ReasonOK, Proposal: proposal.Heartbeat{}},
		coordination.Result{Window: w, Role: coordination.RoleLeader, OpenedAt: 1800, ReceivedAt: 1802, Reason: coordination.ReasonNoop, Proposal: proposal.Noop{}},
		coordination.Result{Window: w, Role: coordination.RoleLeader, OpenedAt: 1800, ReceivedAt: 1802, Reason: coordination.ReasonGenerationFailed},
		coordination.Result{Window: w, Role: coordination.RoleLeader, OpenedAt: 1800, Reason: coordination.ReasonNoPeers},
		coordination.Result{Window: w, Role: coordination.RoleFollower, OpenedAt: 1799, ReceivedAt: 1799, Reason: coordination.ReasonOK}, // before our head
		coordination.Result{Window: w, Role: coordination.RoleFollower, OpenedAt: 1800, Reason: coordination.ReasonLeaderIdle, Faults: []faults.Fault{idle, impostor}},
		coordination.Amendment{Window: w, Fault: late},
		coordination.Amendment{Window: w, Fault: impostor},
		coordination.Amendment{Window: w, Fault: twoFaced, Revoke: true},
	} {
		r.Observe(report)
	}
	r.Missed(coordination.Missed{First: 900, Last: 900, Reason: coordination.ReasonLateStart})
	r.Missed(coordination.Missed{First: 900, Last: 9000, Reason: coordination.ReasonNodeDown})
	r.ActionEnded(action.Ended{Order: proposal.Order{Proposal: proposal.Heartbeat{}}, Outcome: action.NoSigner, Begun: true, Took: 4 * time.Second})
	r.ActionEnded(action.Ended{Order: proposal.Order{Proposal: proposal.Heartbeat{}}, Outcome: action.WalletBusy})

	got := series(t, r)
	for name, want := range map[string]string{
		`windows_total{reason="ok"}`:                                  "2",
		`windows_total{reason="noop"}`:                                "1",
		`windows_total{reason="generation_failed"}`:                   "1",
		`windows_total{reason="no_peers"}`:                            "1",
		`windows_total{reason="leader_idle"}`:                         "1",
		`windows_missed_total{reason="late_start"}`:                   "1",
		`windows_missed_total{reason="node_down"}`:                    "10",
		`leader_turns_total{outcome="proposed"}`:                      "1",
		`leader_turns_total{outcome="noop"}`:                          "1",
		`leader_turns_total{outcome="failed"}`:                        "2",
		`faults_total{attributed="false",kind="leader_idle"}`:         "1", // being late is no second fault
		`faults_total{attributed="true",kind="leader_idle"}`:          "0",
		`faults_total{attributed="true",kind="leader_impersonation"}`: "2",
		`faults_total{attributed="true",kind="leader_equivocation"}`:  "1",
		`amendments_total{effect="late"}`:                             "1",
		`amendments_total{effect="fault"}`:                            "1",
		`amendments_total{effect="revocation"}`:                       "1",
		`actions_total{kind="Heartbeat",outcome="no_signer"}`:         "1",
		`actions_total{kind="Heartbeat",outcome="wallet_busy"}`:       "1",
		`actions_total{kind="Redemption",outcome="no_signer"}`:        "0",
		`action_duration_seconds_count{kind="Heartbeat"}`:             "1",
		`action_duration_seconds_bucket{kind="Heartbeat",le="5"}`:     "1",
		`action_duration_seconds_bucket{kind="Heartbeat",le="1"}`:     "0",
		`coordination_duration_seconds_count`:                         "0",
		`proposals_agreed_total{kind="Heartbeat"}`:                    "1",
		`proposals_agreed_total{kind="Noop"}`:                         "1",
		`proposals_agreed_total{kind="Redemption"}`:                   "0",
		`proposal_send_blocks_count`:                                  "3",
		`proposal_send_blocks_sum`:                                    "6",
		`proposal_receive_blocks_count`:                               "1",
		`proposal_receive_blocks_sum`:                                 "0",
		`window_open_blocks_count`:                                    "6",
		`window_open_blocks_sum`:                                      "0",
	} {
		require.Equal(t, want, got[name], name)
	}
}

func TestStateIsReadWhenScraped(t *testing.T) {
	n := &node{stale: true}
	r := newRecorder(n)
	r2 := New(Sources{Clock: n}) // a network that keeps no books
	got := series(t, r)
	require.Equal(t, "0", got["head_block"])
	require.Equal(t, "0", got["window_index"])
	require.Equal(t, "0", got[`window_phase{phase="idle"}`], "without a head there is no phase")
	require.Equal(t, "1", got["clock_stale"])
	require.NotEqual(t, "0", got["head_age_seconds"], "without any head the age counts from the start")
	require.NotContains(t, series(t, r2), `peers{state="admitted"}`)

	n.stale, n.head = false, chain.Head{Header: chain.Header{Height: 4711}, ReceivedAt: time.Now().Add(-time.Hour)}
	n.peers = func() []net.PeerInfo {
		return []net.PeerInfo{{State: net.PeerAdmitted}, {State: net.PeerAdmitted}, {State: net.PeerRefused}}
	}
	n.counters = net.Counters{
		Delivered: 1, Copies: 2, Ignored: 3, Rejected: 4, QueueFull: 5, DroppedRPCs: 6, CutOff: 7, Known: 8,
		JoinFailures: net.JoinFailures{Full: 1, Exchange: 2, Unproven: 3, Seatless: 4, Instances: 5},
	}
	got = series(t, r)
	require.Regexp(t, `^360\d\.`, got["head_age_seconds"])
	delete(got, "head_age_seconds")
	for name, want := range map[string]string{
		"head_block": "4711", "clock_stale": "0", "window_index": "5",
		`window_phase{phase="active"}`: "0", `window_phase{phase="passive"}`: "0", `window_phase{phase="idle"}`: "1",
		`peers{state="admitted"}`: "2", `peers{state="refused"}`: "1", `peers{state="waiting"}`: "0", `peers{state="disconnected"}`: "0",
		`network_messages_total{fate="delivered"}`: "1", `network_messages_total{fate="copy"}`: "2",
		`network_messages_total{fate="ignored"}`: "3", `network_messages_total{fate="rejected"}`: "4",
		`network_messages_total{fate="known"}`: "8", `peer_join_failures_total{reason="full"}`: "1",
		`peer_join_failures_total{reason="exchange"}`: "2", `peer_join_failures_total{reason="unproven"}`: "3",
		`peer_join_failures_total{reason="no_seat"}`: "4", `peer_join_failures_total{reason="instances"}`: "5",
		"network_queue_full_total": "5", "network_dropped_rpcs_total": "6", "network_peers_cut_off_total": "7",
	} {
		require.Equal(t, want, got[name], name)
	}
}

// A report is observed on the processor's loop, which everything waits for.
func TestObserveReturnsDuringAScrapeThatHangs(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	n := &node{peers: func() []net.PeerInfo {
		close(entered)
		<-leave
		return nil
	}}
	r := newRecorder(n)
	var scraping sync.WaitGroup
	scraping.Go(func() { _, _ = r.registry.Gather() })
	<-entered
	r.Observe(coordination.Result{Window: window(t, 900), Reason: coordination.ReasonOK}) // a deadlock unless it returns
	close(leave)
	scraping.Wait()
	n.peers = nil
	require.Equal(t, "1", series(t, r)[`windows_total{reason="ok"}`])
}

func TestMetricNamesFollowThePrometheusConventions(t *testing.T) {
	problems, err := promlint.New(strings.NewReader(scrape(t, newRecorder(&node{})))).Lint()
	require.NoError(t, err)
	for _, p := range problems {
		require.False(t, strings.HasPrefix(p.Metric, prefix), "%s: %s", p.Metric, p.Text)
	}
}

func BenchmarkObserve(b *testing.B) {
	r, w := newRecorder(&node{}), window(b, 900)
	for b.Loop() {
		r.Observe(coordination.Result{Window: w, Role: coordination.RoleFollower, OpenedAt: 900, ReceivedAt: 910, Reason: coordination.ReasonOK})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newRecorder(&node{})
	}
}
