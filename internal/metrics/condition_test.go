package metrics

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func TestConditionIsReadWhenScraped(t *testing.T) {
	n := &node{condition: Condition{State: "starting", OK: map[string]bool{"disk": true}, Pending: 3, Overdue: 1}}
	r := newRecorder(n)
	got := series(t, r)
	for name, want := range map[string]string{
		`state{state="starting"}`: "1", `state{state="active"}`: "0",
		`health_check{check="disk",severity="warning"}`: "1", `health_check{check="store",severity="critical"}`: "0",
		"ready": "0", "actions_pending": "3", "actions_overdue": "1",
	} {
		require.Equal(t, want, got[name], name)
	}
	n.condition = Condition{State: "active", OK: map[string]bool{}, Pending: -1, Overdue: -1}
	for _, check := range Checks() {
		require.Equal(t, "0", series(t, r)["ready"], "without %s", check)
		n.condition.OK[check] = true
	}
	got = series(t, r)
	require.Equal(t, "1", got["ready"])
	require.Equal(t, "1", got[`state{state="active"}`])
	require.NotContains(t, got, "actions_pending", "a store that cannot be read does not claim that nothing is pending")
	require.NotContains(t, series(t, New(Sources{Clock: n})), "ready")
}

func TestThePhaseOfEachHeight(t *testing.T) {
	for height, want := range map[chain.Height]string{
		0: "", 899: "", 900: "active", 979: "active", 980: "passive", 999: "passive", 1000: "idle", 1799: "idle", 1800: "active",
	} {
		index, phase := phaseAt(height)
		require.Equal(t, want, phase, "height %d", height)
		require.Equal(t, uint64(height/900), index, "height %d", height)
	}
}

func TestAWritesTimeIsAHistogram(t *testing.T) {
	r := newRecorder(&node{})
	r.Committed(3 * time.Millisecond)
	r.Committed(3 * time.Second)
	got := series(t, r)
	require.Equal(t, "1", got[`store_commit_seconds_bucket{le="0.005"}`])
	require.Equal(t, "1", got[`store_commit_seconds_bucket{le="2"}`])
	require.Equal(t, "2", got[`store_commit_seconds_count`])
}
