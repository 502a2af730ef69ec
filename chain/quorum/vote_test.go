package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// on is a voting row of a group, on a branch with its head.
func on(group string, b branch, head chain.Height) Row {
	r := b.row(group, head)
	r.Group = group
	return r
}

func with(r Row, change func(*Row)) Row {
	change(&r)
	return r
}

func cordon(r *Row)  { r.Cordoned = true }
func kill(r *Row)    { r.Trouble = chain.TroubleTimeout }
func mute(r *Row)    { r.Votes = false }
func foreign(r *Row) { r.Sight.ChainID = 5 }

func TestVote(t *testing.T) {
	t.Parallel()
	other := branch{id: 7, from: 950}
	raceA, raceB := branch{id: 1, from: 999}, branch{id: 2, from: 999}
	tests := []struct {
		name    string
		chainID uint64
		rows    []Row
		agreed  chain.Header // zero: no quorum
		votes   int
		groups  int
		needed  int
	}{
		{"nobody", 1, nil, chain.Header{}, 0, 0, 1},
		{"one alone is its own majority", 1, []Row{on("a", right, 1000)}, right.header(1000), 1, 1, 1},
		{"two of two", 1, []Row{on("a", right, 1000), on("b", right, 1000)}, right.header(1000), 2, 2, 2},
		{"one of two", 1, []Row{on("a", right, 1000), on("b", other, 1000)}, chain.Header{}, 1, 2, 2},
		{"two of three", 1, []Row{on("a", other, 1000), on("b", right, 1000), on("c", right, 1000)}, right.header(1000), 2, 3, 2},
		{"an even split", 1, []Row{on("a", right, 1000), on("b", right, 1000), on("c", other, 1000), on("d", other, 1000)}, chain.Header{}, 2, 4, 3},
		{"three of four", 1, []Row{on("a", right, 1000), on("b", right, 1000), on("c", other, 1000), on("d", right, 1000)}, right.header(1000), 3, 4, 3},
		{"the highest that more than half know", 1, []Row{on("a", right, 1002), on("b", right, 1001), on("c", right, 1000)}, right.header(1001), 2, 3, 2},
		{"and of five", 1, []Row{
			on("a", right, 1004), on("b", right, 1003), on("c", right, 1002), on("d", right, 1001), on("e", right, 1000),
		}, right.header(1002), 3, 5, 3},
		{"a race for the tip: its parent", 1, []Row{on("a", raceA, 1000), on("b", raceB, 1000), on("c", right, 999)}, right.header(999), 3, 3, 2},
		{"a race for the tip: the one that most have", 1, []Row{on("a", raceA, 1000), on("b", raceA, 1000), on("c", raceB, 1000)}, raceA.header(1000), 2, 3, 2},
		{
			"far ahead moves nothing", 1,
			[]Row{on("a", right, 30_001_000), on("b", other, 30_001_000), on("c", right, 1000), on("d", right, 1000), on("e", right, 999)},
			right.header(999), 3, 5, 3,
		},

		{"the dead keep their vote to themselves", 1, []Row{with(on("a", right, 1000), kill), with(on("b", right, 1000), kill), on("c", right, 1000)}, chain.Header{}, 1, 3, 2},
		{"cordoned groups stay configured", 1, []Row{
			with(on("a", right, 1000), cordon), with(on("b", right, 1000), cordon), with(on("c", right, 1000), cordon), on("d", other, 1000), on("e", other, 1000),
		}, chain.Header{}, 2, 5, 3},
		{"who never reported", 1, []Row{{Name: "a", Group: "a", Votes: true}, on("b", right, 1000)}, chain.Header{}, 1, 2, 2},
		{"another chain", 1, []Row{with(on("a", right, 1000), foreign), with(on("b", right, 1000), foreign), on("c", right, 1000)}, chain.Header{}, 1, 3, 2},
		{"wrong hashes", 1, []Row{with(on("a", right, 1000), func(r *Row) { r.Sight.Disputed = 998 }), on("b", right, 1000)}, chain.Header{}, 1, 2, 2},
		{"those without the role are not counted", 1, []Row{with(on("a", other, 1000), mute), with(on("b", other, 1000), mute), on("c", right, 1000)}, right.header(1000), 1, 1, 1},

		{"a group has one vote", 1, []Row{on("a", other, 1000), on("a", other, 1000), on("a", other, 1000), on("b", right, 1000), on("c", right, 1000)}, right.header(1000), 2, 3, 2},
		{"a group that differs has none", 1, []Row{on("a", right, 1000), on("a", other, 1000), on("b", right, 1000), on("c", other, 1000)}, chain.Header{}, 1, 3, 2},
		{"nor where only its highest differ", 1, []Row{on("a", right, 1000), on("a", raceA, 1000), on("b", right, 1000), on("c", raceB, 1000)}, right.header(999), 3, 3, 2},
		{"a group's member that lags does not hold it back", 1, []Row{on("a", right, 1000), on("a", right, 990), on("b", right, 1000)}, right.header(1000), 2, 2, 2},
		{"a group speaks through whoever can", 1, []Row{with(on("a", other, 1000), kill), on("a", right, 1000), on("b", right, 1000)}, right.header(1000), 2, 2, 2},
		{"a member without the role does not spoil its group", 1, []Row{with(on("a", other, 1000), mute), on("a", right, 1000), on("b", right, 1000)}, right.header(1000), 2, 2, 2},

		{"any chain: the majority's", 0, []Row{with(on("a", other, 1000), foreign), on("b", right, 1000), on("c", right, 1000)}, right.header(1000), 2, 3, 2},
		{"any chain: none has a majority", 0, []Row{with(on("a", right, 1000), foreign), on("b", right, 1000)}, chain.Header{}, 0, 2, 2},
		{"any chain: half of the configured are too few", 0, []Row{with(on("a", right, 1000), kill), on("b", right, 1000)}, chain.Header{}, 0, 2, 2},
		{"any chain: a group that claims two claims none", 0, []Row{with(on("a", right, 1000), foreign), on("a", right, 1000), on("b", right, 1000), with(on("c", right, 1000), kill)}, chain.Header{}, 0, 3, 2},
		{"any chain: in whatever order", 0, []Row{on("a", right, 1000), with(on("a", right, 1000), foreign), on("b", right, 1000), with(on("c", right, 1000), kill)}, chain.Header{}, 0, 3, 2},
		{"any chain: a silent member claims nothing", 0, []Row{with(on("a", right, 1000), kill), on("a", right, 1000), on("b", right, 1000), with(on("b", right, 1000), kill)}, right.header(1000), 2, 2, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := Classify(Table{ChainID: test.chainID, Rows: test.rows, Rules: DefaultRules(len(test.rows), 2*time.Second)})
			require.Equal(t, test.agreed, got.Agreed)
			require.Equal(t, test.agreed != chain.Header{}, got.Quorum)
			require.Equal(t, test.votes, got.Votes)
			require.Equal(t, test.groups, got.Groups)
			require.Equal(t, test.needed, got.Needed)
		})
	}
}

// TestTheSearchGoesDownOnlySoFar: endpoints that share nothing newer than WalkBack blocks do not agree.
func TestTheSearchGoesDownOnlySoFar(t *testing.T) {
	t.Parallel()
	for _, depth := range []chain.Height{63, 64, 65} {
		a, b := branch{id: 1, from: 1000 - depth}, branch{id: 2, from: 1000 - depth}
		rows := []Row{a.row("a", 1000), b.row("b", 1000), b.row("c", 10)}
		rows[0].View, rows[1].View = a.view(1000, 100), b.view(1000, 100)
		got := Classify(Table{ChainID: 1, Rows: rows, Rules: DefaultRules(3, time.Second)})
		require.Equal(t, depth <= 64, got.Quorum, "depth %d", depth)
		if got.Quorum {
			require.Equal(t, right.header(1000-depth), got.Agreed)
		}
	}
}

// TestABlockThatNobodyShowedIsNotElected: that two heads name one parent does not tell its own parent and time.
func TestABlockThatNobodyShowedIsNotElected(t *testing.T) {
	t.Parallel()
	a, b := branch{id: 1, from: 999}, branch{id: 2, from: 999}
	rows := []Row{a.row("a", 1000), b.row("b", 1000)}
	rows[0].View, rows[1].View = a.view(1000, 2), b.view(1000, 2)
	table := Table{ChainID: 1, Rows: rows, Rules: DefaultRules(2, time.Second)}
	require.False(t, Classify(table).Quorum)
	rows[1].View = b.view(1000, 3)
	require.Equal(t, right.header(999), Classify(table).Agreed)
}
