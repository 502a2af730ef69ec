package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStanding(t *testing.T) {
	t.Parallel()
	var (
		clean  = Finding{Status: Healthy, Reason: OK}
		lag2   = Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 2, Soft: true}
		slow   = Finding{Status: Unhealthy, Reason: Slow, Soft: true}
		fork   = Finding{Status: Unhealthy, Reason: Forked, Depth: 7}
		fork8  = Finding{Status: Unhealthy, Reason: Forked, Depth: 8}
		split  = Finding{Status: Unhealthy, Reason: Forked, Depth: 2, Soft: true, Grace: 8 * time.Second}
		gone   = Finding{Status: Unresponsive, Reason: Timeout}
		before = Finding{Status: Unresponsive, Reason: NeverReported}
	)
	type want struct {
		status Status
		reason Reason
		since  int // the poll, from 1
	}
	tests := []struct {
		name  string
		polls []Finding
		want  []want
	}{
		{"clean from the first", []Finding{clean, clean}, []want{{Healthy, OK, 1}, {Healthy, OK, 1}}},
		{"clean at the first answer", []Finding{before, clean}, []want{{Unresponsive, NeverReported, 1}, {Healthy, OK, 2}}},
		{"the first answer counts as it is", []Finding{lag2}, []want{{Unhealthy, LaggingSameChain, 1}}},
		{"one soft finding is none", []Finding{clean, lag2, clean}, []want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}}},
		{"the second soft one counts", []Finding{clean, lag2, lag2}, []want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Unhealthy, LaggingSameChain, 3}}},
		{"whichever it is", []Finding{clean, lag2, slow}, []want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Unhealthy, Slow, 3}}},
		{
			"doubts do not add up over clean polls",
			[]Finding{clean, slow, clean, slow, clean},
			[]want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}},
		},
		{"a hard one counts at once", []Finding{clean, fork}, []want{{Healthy, OK, 1}, {Unhealthy, Forked, 2}}},
		{
			"one that may be a reorganisation counts once it lasts",
			[]Finding{clean, split, split, split},
			[]want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Unhealthy, Forked, 4}},
		},
		{
			"and is over when it is",
			[]Finding{clean, split, split, clean, split, split},
			[]want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}, {Healthy, OK, 1}},
		},
		{"a reorganisation excuses nothing else", []Finding{clean, split, lag2}, []want{{Healthy, OK, 1}, {Healthy, OK, 1}, {Unhealthy, LaggingSameChain, 3}}},
		{"a fork that grows is the same fork", []Finding{fork, fork8}, []want{{Unhealthy, Forked, 1}, {Unhealthy, Forked, 1}}},
		{
			"three clean polls to come back",
			[]Finding{clean, gone, clean, clean, clean, clean},
			[]want{{Healthy, OK, 1}, {Unresponsive, Timeout, 2}, {Unhealthy, Recovering, 3}, {Unhealthy, Recovering, 3}, {Healthy, OK, 5}, {Healthy, OK, 5}},
		},
		{
			"in a row",
			[]Finding{gone, clean, clean, slow, clean, clean, clean},
			[]want{{Unresponsive, Timeout, 1}, {Unhealthy, Recovering, 2}, {Unhealthy, Recovering, 2}, {Unhealthy, Slow, 4}, {Unhealthy, Recovering, 5}, {Unhealthy, Recovering, 5}, {Healthy, OK, 7}},
		},
		{"no doubt for who is not healthy", []Finding{gone, slow, slow}, []want{{Unresponsive, Timeout, 1}, {Unhealthy, Slow, 2}, {Unhealthy, Slow, 2}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			start := time.Unix(1_700_000_000, 0)
			poll := func(n int) time.Time { return start.Add(time.Duration(n) * 5 * time.Second) }
			var s standing
			for i, f := range test.polls {
				s = s.Step(f, poll(i+1))
				require.Equal(t, test.want[i].status, s.Status, "poll %d", i+1)
				require.Equal(t, test.want[i].reason, s.Reason, "poll %d", i+1)
				require.Equal(t, poll(test.want[i].since), s.Since, "poll %d", i+1)
				require.Equal(t, f.Lag, s.Lag)
				require.Equal(t, f.Depth, s.Depth)
			}
		})
	}
}

func TestStandingInWords(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	tests := []struct {
		finding Finding
		words   string
	}{
		{Finding{Status: Healthy, Reason: OK}, ""},
		{Finding{Status: Healthy, Reason: OK, Lag: 1}, "1 block behind"},
		{Finding{Status: Healthy, Reason: OK, PeersUnknown: true}, "peers unknown"},
		{Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 3}, "3 blocks behind"},
		{Finding{Status: Unhealthy, Reason: Forked, Depth: 7}, "left the agreed chain 7 blocks ago"},
		{Finding{Status: Unhealthy, Reason: Forked, Beyond: 1023}, "left the agreed chain more than 1023 blocks ago"},
		{Finding{Status: Unhealthy, Reason: Forked}, "left the agreed chain, not yet known where"},
	}
	for _, test := range tests {
		require.Equal(t, test.words, standing{}.Step(test.finding, now).Detail())
	}
	recovering := standing{}.Step(Finding{Status: Unhealthy, Reason: Forked, Depth: 7}, now).Step(Finding{Status: Healthy, Reason: OK}, now)
	require.Equal(t, "1 of 3 clean polls", recovering.Detail())
}
