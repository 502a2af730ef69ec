package devnet

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// roundOf is a round in which all went well: the subject leads the first wallet and follows in the second.
func roundOf(t *testing.T) (f roundFacts, said map[topic]int) {
	t.Helper()
	subject, other := chain.Operator{1}, chain.Operator{2}
	wallets, err := makeWallets(drawLot(1), 2, 4, []chain.Operator{subject, other})
	require.NoError(t, err)
	window := coordination.RFC12().Next(1)
	f = roundFacts{window: window, subject: subject}
	said = make(map[topic]int)
	for i, leader := range []chain.Operator{subject, other} {
		f.elections = append(f.elections, election{wallet: wallets[i], leader: leader})
		said[topic{leader, wallets[i].ID(), window.Block}] = 1
	}
	for _, op := range []chain.Operator{subject, other} {
		n := nodeFacts{Operator: op}
		for _, w := range wallets {
			n.Detail.Wallets = append(n.Detail.Wallets, store.WalletDetail{WindowRow: store.WindowRow{
				Wallet: w.ID(), Reason: coordination.ReasonOK,
			}})
		}
		f.nodes = append(f.nodes, n)
	}
	f.heard = func(about topic) (int, int) { return said[about], 5 * said[about] }
	f.round.strikes = []Strike{{Kind: StrikeKill, Instance: "a", From: -3, To: 20}}
	f.round.takeOvers = []time.Duration{4 * time.Second}
	return f, said
}

func TestARoundInWhichAllWentWell(t *testing.T) {
	f, _ := roundOf(t)
	r, differences := judgeRound(f)
	require.Empty(t, differences)
	require.Equal(t, Round{
		Strikes: map[StrikeKind]int{StrikeKill: 1}, Statements: 1, Heard: 10,
		TakeOvers: []int64{4000}, HandOvers: []int64{}, Hampered: []int64{},
	}, r)
}

// What was signed is counted for the subject; signers that are bound to two intents, and nodes that have two, have signed twice.
func TestARoundCountsWhatWasSigned(t *testing.T) {
	signed := func() roundFacts {
		f, _ := roundOf(t)
		f.round.bound = make(map[chain.WalletID][]signer.Digest)
		for i, e := range f.elections {
			intent := signer.Digest{byte(i + 1)}
			f.round.bound[e.wallet.ID()] = []signer.Digest{intent}
			for n := range f.nodes {
				f.nodes[n].Signings = append(f.nodes[n].Signings, signing.Signing{Wallet: e.wallet.ID(), Digest: intent, Signed: []byte{1}})
			}
		}
		return f
	}
	r, differences := judgeRound(signed())
	require.Empty(t, differences)
	require.Equal(t, []int{2, 0}, []int{r.Signed, r.DoubleSigned})

	for name, spoil := range map[string]func(*roundFacts){
		"another signer's":   func(f *roundFacts) { f.round.bound[f.elections[0].wallet.ID()] = []signer.Digest{{1}, {9}} },
		"another node's":     func(f *roundFacts) { f.nodes[1].Signings[0].Digest = signer.Digest{9} },
		"no signer's at all": func(f *roundFacts) { f.round.bound[f.elections[0].wallet.ID()] = []signer.Digest{{9}} },
	} {
		f := signed()
		spoil(&f)
		r, differences := judgeRound(f)
		require.Equal(t, 1, r.DoubleSigned, name)
		require.Len(t, differences, 1, name)
		require.Contains(t, differences[0], "2 different intents of wallet", name)
	}
	all := Round{}
	all.add(r)
	all.add(r)
	require.Equal(t, 4, all.Signed)
	require.Contains(t, chaosText(all), "windows of wallets signed: 4; signed twice: 0")
	require.Contains(t, roundText(r), ", 2 signed, 0 of them twice")
}

func TestWhatARoundMustNotShow(t *testing.T) {
	for _, it := range []struct {
		name  string
		spoil func(*roundFacts, map[topic]int)
		want  string
		count func(Round) int
	}{
		{"two payloads of the subject", func(f *roundFacts, said map[topic]int) {
			said[topic{f.subject, f.elections[0].wallet.ID(), f.window.Block}] = 2
		}, "2 different payloads", func(r Round) int { return r.Doubles }},
		{"two payloads where it follows", func(f *roundFacts, said map[topic]int) {
			said[topic{f.subject, f.elections[1].wallet.ID(), f.window.Block}] = 2
		}, "2 different payloads", func(r Round) int { return r.Doubles }},
		{"no result", func(f *roundFacts, _ map[topic]int) { f.nodes[0].Detail.Wallets[1].Open = true }, "it has no result", func(r Round) int { return r.Lost }},
		{"another result", func(f *roundFacts, _ map[topic]int) {
			f.nodes[0].Detail.Wallets[1].Reason = coordination.ReasonLeaderIdle
		}, "it ended in leader_idle", func(r Round) int { return r.Lost }},
		{"no record", func(f *roundFacts, _ map[topic]int) { f.nodes[0].Detail.Wallets = nil }, "it has no record", func(r Round) int { return r.Lost / 2 }},
		{"a leader that nobody heard", func(f *roundFacts, said map[topic]int) {
			delete(said, topic{f.subject, f.elections[0].wallet.ID(), f.window.Block})
		}, "nobody heard the leader", func(r Round) int { return r.Lost }},
		{"an accusation", func(f *roundFacts, _ map[topic]int) {
			f.nodes[1].Detail.Wallets[0].Records = []faults.Record{{Fault: faults.Fault{Key: faults.Key{Kind: faults.LeaderIdle, Culprit: f.subject}, Attributed: true}}}
		}, "of leader_idle", func(r Round) int { return r.Accused }},
		{"an orphan", func(f *roundFacts, _ map[topic]int) {
			f.round.orphans = []death{{instance: "a", wallet: f.elections[0].wallet.ID()}}
		}, "nobody took wallet", func(r Round) int { return r.Orphans }},
		{"an instance that ended although its database was there", func(f *roundFacts, _ map[topic]int) {
			f.round.ends = []end{{why: errors.New("instance a: exit status 1")}}
		}, "the database was there, and nothing else had ended it: instance a: exit status 1", func(r Round) int { return r.Restarts }},
	} {
		t.Run(it.name, func(t *testing.T) {
			f, said := roundOf(t)
			it.spoil(&f, said)
			r, differences := judgeRound(f)
			require.Equal(t, 1, it.count(r))
			require.Contains(t, strings.Join(differences, "\n"), it.want)
		})
	}
}

// A fault that is kept without an accusation is what somebody thought who could not see well.
func TestWhatIsNotAttributedIsNoAccusation(t *testing.T) {
	f, _ := roundOf(t)
	f.nodes[1].Detail.Wallets[0].Records = []faults.Record{{}}
	r, differences := judgeRound(f)
	require.Empty(t, differences)
	require.Zero(t, r.Accused)
}

func TestATakeOverIsTheNextEpochAfterADeath(t *testing.T) {
	r := newRegistrar("")
	w, v := chain.WalletID{1}, chain.WalletID{2}
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	r.note(w, tenancy{"a", 1}, at(1))
	r.note(v, tenancy{"b", 1}, at(1))
	r.died("a", false, at(10))
	r.note(w, tenancy{"", 1}, at(12)) // its lease is over
	r.note(w, tenancy{"b", 2}, at(14))
	r.note(v, tenancy{"c", 2}, at(15)) // moved for another reason
	r.died("c", true, at(20))
	r.note(v, tenancy{"a", 3}, at(21))
	r.died("b", false, at(30))
	require.Equal(t, "b", r.owner(w))
	require.Equal(t, successions{
		takeOvers: []time.Duration{4 * time.Second}, handOvers: []time.Duration{time.Second},
		orphans: []death{{"b", false, w, 2, at(30)}},
	}, r.settleAccounts())
	require.Zero(t, r.settleAccounts())
}

// It starts while its database is away, and cannot.
func TestAnInstanceThatEndedForWantOfItsDatabaseIsCountedAlone(t *testing.T) {
	f, _ := roundOf(t)
	f.round.ends = []end{{missed: true}}
	r, differences := judgeRound(f)
	require.Empty(t, differences)
	require.Equal(t, 1, r.Restarts)
}

func TestRoundsAddUp(t *testing.T) {
	f, _ := roundOf(t)
	f.round.ends = []end{{missed: true}}
	one, _ := judgeRound(f)
	f.round.strikes = append(f.round.strikes, Strike{Kind: StrikeDatabase, From: 0, To: 1})
	f.round.takeOvers, f.round.handOvers = []time.Duration{9 * time.Second}, []time.Duration{7 * time.Second}
	two, _ := judgeRound(f)
	var sum Summary
	sum.add(Report{Round: &one})
	sum.add(Report{Round: &two})
	require.Equal(t, Round{
		Strikes: map[StrikeKind]int{StrikeKill: 2, StrikeDatabase: 1}, Statements: 2, Heard: 20, Restarts: 2,
		TakeOvers: []int64{4000}, HandOvers: []int64{}, Hampered: []int64{9000, 7000},
	}, *sum.Chaos)
	text := summaryText(sum)
	require.Contains(t, text, "3 strikes: kill 2, restart 0, pause 0,")
	require.Contains(t, text, "double payloads: 0; lost windows: 0; accusations of honest operators: 0")
	require.Contains(t, text, "wallets that nobody took over: 0; restarts of instances that ended by themselves: 2\n")
	require.Contains(t, text, "taken over after: p50 4s, p99 4s (1)")
	require.Contains(t, text, "taken or handed over with the database away after: p50 7s, p99 9s (2)")
}

func TestPercentiles(t *testing.T) {
	require.Zero(t, percentile(nil, 50))
	all := make([]int64, 100)
	for i := range all {
		all[i] = int64(100 - i)
	}
	require.Equal(t, 50*time.Millisecond, percentile(all, 50))
	require.Equal(t, 99*time.Millisecond, percentile(all, 99))
	require.Equal(t, time.Millisecond, percentile([]int64{1}, 1))
}

func TestARoundIsOneLineOfJSON(t *testing.T) {
	f, _ := roundOf(t)
	r, differences := judgeRound(f)
	var out, notes bytes.Buffer
	JSONScreen(&out, &notes).Window(Report{Window: f.window, Strikes: f.round.strikes, Round: &r, Differences: differences})
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "round", line["event"])
	require.EqualValues(t, 900, line["window"])
	require.EqualValues(t, 0, line["lost_windows"])
	require.EqualValues(t, 0, line["double_payloads"])
	require.EqualValues(t, 0, line["restarts"])
	require.Len(t, line["plan"], 1)
}
