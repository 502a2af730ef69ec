package quorum

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// panel is five healthy endpoints at height 1000, each in a group of its own, and the ring up to 998.
func panel() Table {
	t := Table{ChainID: 1, Ring: ringOf(600, 998), Rules: DefaultRules(5, 2*time.Second)}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		t.Rows = append(t.Rows, right.row(name, 1000))
	}
	return t
}

// follow puts the row onto a branch, of which depth hashes are known.
func (r *Row) follow(b branch, head, depth chain.Height) {
	s := b.sight(head, Ask{From: head - 2, To: head})
	r.Sight, r.View = &s, b.view(head, depth)
}

func ids(names ...string) *Peers {
	return &Peers{Known: true, Count: len(names), IDs: names}
}

var (
	deep  = branch{id: 7, from: 900}
	two   = branch{id: 7, from: 998}
	race  = branch{id: 7, from: 999}
	late  = branch{id: 7, from: 997}
	weird = branch{id: 7, from: 0}
)

// split is a fork that a reorganisation may explain.
func split(n chain.Height) Finding {
	return Finding{Status: Unhealthy, Reason: Forked, Depth: n, Soft: true, Grace: 3500 * time.Millisecond}
}

// TestFindings changes the first of five endpoints and says what must be found of it; the others stay healthy, and the
// agreed head does not move.
func TestFindings(t *testing.T) {
	t.Parallel()
	bad := func(r Reason) Finding { return Finding{Status: Unhealthy, Reason: r} }
	maybe := func(r Reason) Finding { return Finding{Status: Unhealthy, Reason: r, Soft: true} }
	gone := func(r Reason) Finding { return Finding{Status: Unresponsive, Reason: r} }
	lag := func(r Reason, n chain.Height, soft bool) Finding {
		return Finding{Status: Unhealthy, Reason: r, Lag: n, Soft: soft}
	}
	fork := func(n chain.Height) Finding { return Finding{Status: Unhealthy, Reason: Forked, Depth: n} }
	fine := Finding{Status: Healthy, Reason: OK}
	trouble := func(t chain.Trouble) func(*Row) { return func(r *Row) { r.Trouble = t } }
	peers := func(p *Peers) func(*Row) { return func(r *Row) { r.Peers = p } }
	follow := func(b branch, head, depth chain.Height) func(*Row) {
		return func(r *Row) { r.follow(b, head, depth) }
	}
	tests := []struct {
		name   string
		change func(*Row)
		want   Finding
	}{
		{"all is well", func(*Row) {}, fine},
		{"polled a moment before the block", follow(right, 999, 4), Finding{Status: Healthy, Reason: OK, Lag: 1}},
		{"polled a moment after the next", follow(right, 1001, 4), fine},
		{"and after the one after", follow(right, 1002, 4), fine},

		{"two behind", follow(right, 998, 4), lag(LaggingSameChain, 2, true)},
		{"three behind", follow(right, 997, 4), lag(LaggingSameChain, 3, false)},
		{"300 behind", follow(right, 700, 4), lag(LaggingSameChain, 300, false)},
		{"behind all that is remembered", follow(right, 500, 4), maybe(Unclassified)},
		{"stalled", func(r *Row) {
			r.follow(right, 990, 4)
			r.HeadSince, r.AgreedSince = time.Minute, 4*time.Second
		}, lag(Stalled, 10, false)},
		{"not for long enough", func(r *Row) {
			r.follow(right, 990, 4)
			r.HeadSince, r.AgreedSince = 59*time.Second, 4*time.Second
		}, lag(LaggingSameChain, 10, false)},
		{"the chain stands still", func(r *Row) { r.HeadSince, r.AgreedSince = time.Hour, time.Hour }, fine},
		{"the chain stands still, two ahead of it", func(r *Row) {
			r.follow(right, 998, 4)
			r.HeadSince, r.AgreedSince = time.Hour, time.Hour
		}, lag(LaggingSameChain, 2, true)},
		{"one behind after the chain stood still", func(r *Row) {
			r.follow(right, 999, 4)
			r.HeadSince, r.AgreedSince = time.Hour, time.Second
		}, Finding{Status: Healthy, Reason: OK, Lag: 1}},
		{"two behind after the chain stood still", func(r *Row) {
			r.follow(right, 998, 4)
			r.HeadSince, r.AgreedSince = time.Hour, time.Second
		}, lag(Stalled, 2, true)},

		{"three ahead, linked", follow(right, 1003, 6), maybe(AheadUncorroborated)},
		{"ahead, not linked", follow(right, 1100, 3), maybe(AheadUncorroborated)},
		{"30 million ahead", follow(weird, 30_001_000, 4), maybe(AheadUncorroborated)},
		{"two ahead, not linked", follow(right, 1002, 2), maybe(Unclassified)},

		{"a race for the tip", follow(race, 1000, 4), fine},
		{"a race for the tip, and its next block", follow(race, 1001, 4), fine},
		{"a race lost one block ago", follow(branch{id: 7, from: 998}, 999, 4), Finding{Status: Healthy, Reason: OK, Lag: 1}},
		{"a race lost three blocks ago", follow(branch{id: 7, from: 996}, 997, 4), lag(LaggingSameChain, 3, false)},
		{"a race of which only the tip is known", follow(race, 1000, 2), fine},
		{"two blocks apart", follow(two, 1000, 4), split(2)},
		{"two blocks apart, one behind", follow(late, 999, 4), split(2)},
		{"two blocks apart, one ahead", follow(two, 1001, 4), split(3)},
		{"eleven blocks apart", follow(branch{id: 7, from: 989}, 1000, 12), split(11)},
		{"twelve blocks apart, which no reorganisation explains", follow(branch{id: 7, from: 988}, 1000, 13), fork(12)},
		{"100 blocks apart", follow(deep, 1000, 101), fork(100)},
		{"100 blocks apart and as much behind", follow(branch{id: 7, from: 800}, 900, 101), fork(100)},
		{"100 blocks apart, end not known", follow(deep, 1000, 100), split(0)},
		{"apart and far ahead", follow(two, 1050, 60), fork(52)},
		{"another chain from the start", follow(weird, 1000, 4), split(0)},
		{"apart by what it shows below a gap", func(r *Row) {
			s := deep.sight(1200, Ask{From: 993, To: 995})
			r.Sight, r.View = &s, (*View)(nil).With(s, nil)
		}, split(0)},
		{"one block below a gap may be a lost race", func(r *Row) {
			s := branch{id: 7, from: 994}.sight(1200, Ask{From: 993, To: 995})
			r.Sight, r.View = &s, (*View)(nil).With(s, nil)
		}, maybe(AheadUncorroborated)},
		{"its blocks below are not its head's", func(r *Row) {
			s := right.sight(1000, Ask{})
			s.Headers = deep.headers(990, 992)
			r.Sight, r.View = &s, (*View)(nil).With(s, nil)
		}, maybe(NonLinking)},
		{"headers that do not link", func(r *Row) {
			s := right.sight(1000, Ask{From: 997, To: 999})
			s.Headers[1] = deep.header(998)
			r.Sight, r.View = &s, (*View)(nil).With(s, nil)
		}, maybe(NonLinking)},

		{"another chain ID", func(r *Row) { r.Sight.ChainID = 5 }, bad(WrongChain)},
		{"a hash that is not its header's", func(r *Row) { r.Sight.Disputed = 999 }, bad(BadHeader)},
		{"syncing", func(r *Row) { r.Sight.Syncing = true }, bad(Syncing)},
		{"syncing from nothing", func(r *Row) { r.follow(right, 3, 2); r.Sight.Syncing = true }, bad(Syncing)},
		{"finality regressed", func(r *Row) { r.Regressed = true }, bad(FinalityRegressed)},
		{"four newest blocks in a row that lost", func(r *Row) { r.FalseTips = 4 }, fine},
		{"five newest blocks in a row that lost", func(r *Row) { r.FalseTips = 5 }, bad(FalseTip)},
		{"tags in order", func(r *Row) { r.Sight.Finalized, r.Sight.Safe = right.header(936), right.header(968) }, fine},
		{"tags all alike", func(r *Row) { r.Sight.Finalized, r.Sight.Safe = right.header(1000), right.header(1000) }, fine},
		{"no safe tag", func(r *Row) { r.Sight.Finalized = right.header(936) }, fine},
		{"finalized above safe", func(r *Row) { r.Sight.Finalized, r.Sight.Safe = right.header(969), right.header(968) }, maybe(TagOrder)},
		{"safe above newest", func(r *Row) { r.Sight.Safe = right.header(1001) }, maybe(TagOrder)},
		{"finalized above newest", func(r *Row) { r.Sight.Finalized = right.header(1001) }, maybe(TagOrder)},
		{"slow", func(r *Row) { r.Sight.Took = time.Second + 1 }, maybe(Slow)},
		{"just not slow", func(r *Row) { r.Sight.Took = time.Second }, fine},

		{"too few peers", peers(&Peers{Known: true, Count: 4}), bad(Isolated)},
		{"just enough peers", peers(&Peers{Known: true, Count: 5}), fine},
		{"no peers", peers(&Peers{Known: true}), bad(Isolated)},
		{"peers that cannot be told", peers(&Peers{}), Finding{Status: Healthy, Reason: OK, PeersUnknown: true}},
		{"only our own endpoints as peers", peers(ids("id-b", "id-c", "id-d")), bad(Clique)},
		{"one peer beside our own endpoints", peers(ids("id-b", "id-c", "id-d", "id-e", "x")), fine},
		{"more peers than are listed", peers(&Peers{Known: true, Count: 50, IDs: []string{"id-b", "id-c"}}), fine},

		{"cordoned", func(r *Row) { r.Cordoned = true }, bad(Cordoned)},
		{"cordoned and dead", func(r *Row) { r.Cordoned, r.Trouble = true, chain.TroubleTimeout }, bad(Cordoned)},
		{"no answer yet", func(r *Row) { r.Sight, r.View = nil, nil }, gone(NeverReported)},
		{"no answer ever", func(r *Row) { r.Sight, r.View, r.Trouble = nil, nil, chain.TroubleDNS }, gone(DNS)},
		{"timeout", trouble(chain.TroubleTimeout), gone(Timeout)},
		{"refused", trouble(chain.TroubleRefused), gone(Refused)},
		{"tls", trouble(chain.TroubleTLS), gone(TLS)},
		{"dns", trouble(chain.TroubleDNS), gone(DNS)},
		{"rate limited", trouble(chain.TroubleRateLimited), bad(RateLimited)},
		{"auth", trouble(chain.TroubleAuth), bad(AuthFailed)},
		{"malformed", trouble(chain.TroubleMalformed), bad(Malformed)},
		{"unsupported", trouble(chain.TroubleUnsupported), bad(Malformed)},
		{"server", trouble(chain.TroubleServer), bad(Malformed)},

		{"certain before likely: too few peers and slow", func(r *Row) {
			r.Peers, r.Sight.Took = ids("x"), 2*time.Second
		}, bad(Isolated)},
		{"worse before less bad: forked and of another chain", func(r *Row) {
			r.follow(deep, 1000, 101)
			r.Sight.ChainID = 5
		}, bad(WrongChain)},
		{"forked and a wrong hash", func(r *Row) {
			r.follow(deep, 1000, 101)
			r.Sight.Disputed = 1
		}, bad(BadHeader)},
		{"forked and false tips", func(r *Row) {
			r.follow(deep, 1000, 101)
			r.FalseTips = 50
		}, fork(100)},
		{"forked and syncing", func(r *Row) {
			r.follow(deep, 1000, 101)
			r.Sight.Syncing = true
		}, fork(100)},
		{"behind and syncing", func(r *Row) {
			r.follow(right, 990, 4)
			r.Sight.Syncing = true
		}, bad(Syncing)},
		{"behind and too few peers", func(r *Row) {
			r.follow(right, 990, 4)
			r.Peers = ids("x")
		}, lag(LaggingSameChain, 10, false)},
		{"dead, and forked before", func(r *Row) {
			r.follow(deep, 1000, 101)
			r.Trouble = chain.TroubleTimeout
		}, gone(Timeout)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			table := panel()
			for i := range table.Rows[1:] {
				table.Rows[i+1].Peers = &Peers{Known: true, Count: 9, Self: "id-" + table.Rows[i+1].Name}
			}
			test.change(&table.Rows[0])
			got := Classify(table)
			require.Equal(t, test.want, got.Findings[0])
			for i, f := range got.Findings[1:] {
				require.Equal(t, fine, f, "endpoint %s", table.Rows[i+1].Name)
			}
			require.True(t, got.Quorum)
			require.Equal(t, right.header(1000), got.Agreed)
		})
	}
}

// TestEveryReasonIsFound keeps the table above complete: each reason but recovering, which is a matter of standing.
func TestEveryReasonIsFound(t *testing.T) {
	t.Parallel()
	var listed []Reason
	for _, check := range checks {
		require.False(t, slices.Contains(listed, check.reason), "%s is checked twice", check.reason)
		listed = append(listed, check.reason)
	}
	for _, trouble := range []chain.Trouble{
		chain.TroubleTimeout, chain.TroubleRefused, chain.TroubleTLS, chain.TroubleDNS, chain.TroubleRateLimited,
		chain.TroubleAuth, chain.TroubleMalformed,
	} {
		require.Equal(t, Reason(trouble), troubled(trouble).Reason)
		listed = append(listed, Reason(trouble))
	}
	require.ElementsMatch(t, Reasons(), append(listed, OK, NeverReported, Cordoned, Recovering))
}

// TestAGapBetweenRingAndAgreed: the ring may be some blocks behind, and its top may be a block that lost.
func TestAGapBetweenRingAndAgreed(t *testing.T) {
	t.Parallel()
	lost := branch{id: 5, from: 949}
	table := panel()
	ring, err := (*Ring)(nil).With(append(right.headers(600, 949), lost.header(950)))
	require.NoError(t, err)
	table.Ring = ring

	table.Rows[0].follow(right, 940, 4)
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 60}, Classify(table).Findings[0])
	table.Rows[0].follow(right, 952, 5)
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 48}, Classify(table).Findings[0], "the ring's top lost a race")
	table.Rows[0].follow(branch{id: 7, from: 930}, 945, 20)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Forked, Depth: 15}, Classify(table).Findings[0])
	table.Rows[0].follow(branch{id: 7, from: 960}, 1000, 60)
	require.Equal(t, split(0), Classify(table).Findings[0], "it left in the gap; that it was right below does not help")
	table.Rows[0].follow(right, 980, 4)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Unclassified, Soft: true}, Classify(table).Findings[0], "in the gap")
	table.Rows[1].View = right.view(1000, 60)
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 20}, Classify(table).Findings[0], "another's headers fill it")
	table.Rows[1].Trouble = chain.TroubleTimeout
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 20}, Classify(table).Findings[0], "links prove themselves")
}

// TestTheMajorityLeftABranch: ten blocks that were agreed are not the agreed chain's any more. Who lags behind is not
// forked because the ring is.
func TestTheMajorityLeftABranch(t *testing.T) {
	t.Parallel()
	left := branch{id: 5, from: 940}
	table := panel()
	ring, err := (*Ring)(nil).With(left.headers(600, 950))
	require.NoError(t, err)
	table.Ring = ring
	for i := range table.Rows {
		table.Rows[i].follow(right, 953, 4)
	}
	table.Rows[0].follow(right, 949, 2)
	table.Rows[1].follow(left, 952, 4)
	got := Classify(table).Findings
	require.Equal(t, Finding{Status: Unhealthy, Reason: Unclassified, Soft: true}, got[0])
	require.Equal(t, split(0), got[1])
	table.Rows[0].follow(right, 951, 12)
	got = Classify(table).Findings
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 2, Soft: true}, got[0])
	require.Equal(t, split(0), got[1])
	table.Rows[0].View = right.view(951, 12)
	table.Rows[1].View = left.view(952, 13)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Forked, Depth: 12}, Classify(table).Findings[1], "the ring is right below")
}

// TestTheMajorityGoesBack: what was agreed above the agreed head may be a branch that is being left, so it judges nobody.
func TestTheMajorityGoesBack(t *testing.T) {
	t.Parallel()
	table := panel()
	for i := range table.Rows {
		table.Rows[i].follow(right, 997, 4)
	}
	table.Rows[0].follow(branch{id: 7, from: 997}, 999, 2)
	table.Ring = ringOf(600, 1000)
	got := Classify(table)
	require.Equal(t, right.header(997), got.Agreed)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Unclassified, Soft: true}, got.Findings[0])
	table.Rows[0].follow(branch{id: 7, from: 997}, 999, 3)
	require.Equal(t, Finding{Status: Healthy, Reason: OK}, Classify(table).Findings[0], "it has seen the new branch first")
}

// TestWithoutAQuorum: what was agreed before still tells who is on it.
func TestWithoutAQuorum(t *testing.T) {
	t.Parallel()
	table := panel()
	for i := range 3 {
		table.Rows[i].Trouble = chain.TroubleRefused
	}
	fine := Finding{Status: Healthy, Reason: OK}
	require.Equal(t, []Finding{fine, fine}, Classify(table).Findings[3:])

	table.Rows[3].follow(right, 1060, 70)
	require.Equal(t, []Finding{fine, fine}, Classify(table).Findings[3:], "the ring stands still, the chain need not")
	table.Rows[3].follow(deep, 1000, 101)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Forked, Depth: 100}, Classify(table).Findings[3])
	table.Rows[3].follow(right, 990, 4)
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 8}, Classify(table).Findings[3])
	table.Rows[3].follow(right, 1_000_000, 4)
	require.Equal(t, Finding{Status: Unhealthy, Reason: AheadUncorroborated, Soft: true}, Classify(table).Findings[3])
	table.Rows[3].follow(right, 1000, 2)
	require.Equal(t, Finding{Status: Unhealthy, Reason: Unclassified, Soft: true}, Classify(table).Findings[3])

	table.Ring = nil
	require.Equal(t, Finding{Status: Unhealthy, Reason: Unclassified, Soft: true}, Classify(table).Findings[4], "nothing to compare with")
}

// TestWithoutACommonChain: none is configured, and none has a majority. Then none is wrong.
func TestWithoutACommonChain(t *testing.T) {
	t.Parallel()
	table := panel()
	table.ChainID = 0
	for i := range 3 {
		table.Rows[i].Sight.ChainID = uint64(i) + 5
	}
	for i, f := range Classify(table).Findings {
		require.Equal(t, Finding{Status: Healthy, Reason: OK}, f, "endpoint %d continues what was agreed", i)
	}
	table.Rows[2].Sight.ChainID = 1
	require.Equal(t, WrongChain, Classify(table).Findings[0].Reason)
}

// TestFirstTableOfAll: nothing is agreed yet, and the headers below the heads are known.
func TestFirstTableOfAll(t *testing.T) {
	t.Parallel()
	table := panel()
	table.Ring = nil
	table.Rows[0].follow(deep, 1000, 4)
	table.Rows[1].follow(right, 998, 4)
	got := Classify(table)
	require.True(t, got.Quorum)
	require.Equal(t, split(0), got.Findings[0], "the primary has no privilege")
	require.Equal(t, Finding{Status: Unhealthy, Reason: LaggingSameChain, Lag: 2, Soft: true}, got.Findings[1])
}
