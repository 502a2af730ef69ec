package faults

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

func record(culprit byte, kind Kind, window chain.Height, attributed bool) Record {
	f := Fault{
		Key:        Key{Wallet: chain.WalletID{1}, Window: window, Kind: kind, Culprit: chain.Operator{culprit}},
		Attributed: attributed,
	}
	return Record{ID: f.ID(), Fault: f}
}

func TestFaultIDsAreStableAndDistinct(t *testing.T) {
	base := Key{Wallet: chain.WalletID{1}, Window: 900, Kind: LeaderIdle, Culprit: chain.Operator{2}}
	require.Equal(t, "ed8082def00280b8", base.ID(), "IDs are stored and linked to: they never change")

	others := []Key{base, base, base, base}
	others[0].Wallet[19] = 1
	others[1].Window = 1800
	others[2].Kind = LeaderMistake
	others[3].Culprit[19] = 1
	seen := map[string]bool{base.ID(): true}
	for _, key := range others {
		require.Len(t, key.ID(), 16)
		require.False(t, seen[key.ID()])
		seen[key.ID()] = true
	}
}

func TestFilterNarrowsByEachField(t *testing.T) {
	idle := record(1, LeaderIdle, 1800, true).Fault
	yes, no, wallet, other := true, false, chain.WalletID{1}, chain.WalletID{2}
	for name, row := range map[string]struct {
		filter Filter
		match  bool
	}{
		"everything":       {Filter{}, true},
		"kind":             {Filter{Kind: LeaderIdle}, true},
		"other kind":       {Filter{Kind: LeaderMistake}, false},
		"culprit":          {Filter{Culprit: chain.Operator{1}}, true},
		"other culprit":    {Filter{Culprit: chain.Operator{2}}, false},
		"wallet":           {Filter{Wallet: &wallet}, true},
		"other wallet":     {Filter{Wallet: &other}, false},
		"range":            {Filter{From: 1800, To: 1800}, true},
		"before the range": {Filter{From: 1801}, false},
		"after the range":  {Filter{To: 1799}, false},
		"attributed":       {Filter{Attributed: &yes}, true},
		"unattributed":     {Filter{Attributed: &no}, false},
	} {
		require.Equal(t, row.match, row.filter.Match(idle), name)
	}
}

func TestScoresWeighAttributedFaultsOnly(t *testing.T) {
	late := record(2, LeaderIdle, 2700, true)
	late.Late = true
	records := []Record{
		record(1, LeaderIdle, 900, true),
		record(1, LeaderIdle, 1800, true),
		record(1, LeaderEquivocation, 2700, false),
		late,
		record(3, LeaderEquivocation, 900, true),
		record(4, LeaderImpersonation, 900, false),
	}
	want := []Score{
		{Culprit: chain.Operator{3}, Points: 100, Attributed: map[Kind]int{LeaderEquivocation: 1}, First: 900, Last: 900},
		{Culprit: chain.Operator{1}, Points: 4, Attributed: map[Kind]int{LeaderIdle: 2}, Unattributed: 1, First: 900, Last: 1800},
		{Culprit: chain.Operator{2}, Points: 1, Attributed: map[Kind]int{LeaderIdle: 1}, First: 2700, Last: 2700},
		{Culprit: chain.Operator{4}, Attributed: map[Kind]int{}, Unattributed: 1},
	}
	for range 20 {
		rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		require.Equal(t, want, Scores(records))
	}
	require.Empty(t, Scores(nil))
}

// What was proved counts whatever the observer could see, and once.
func TestScoresCountProofs(t *testing.T) {
	unseen := record(1, LeaderEquivocation, 2700, false)
	unseen.Proof = "it is proved"
	seen := record(2, LeaderEquivocation, 900, true)
	seen.Proof = "it is proved, too"
	got := Scores([]Record{unseen, seen, record(3, LeaderIdle, 900, false)}, Proved{chain.Operator{2}, 1800}, Proved{chain.Operator{4}, 900})
	require.Equal(t, []Score{
		{Culprit: chain.Operator{2}, Points: 200, Attributed: map[Kind]int{LeaderEquivocation: 1}, Proofs: 1, First: 900, Last: 1800},
		{Culprit: chain.Operator{1}, Points: 100, Attributed: map[Kind]int{LeaderEquivocation: 1}, First: 2700, Last: 2700},
		{Culprit: chain.Operator{4}, Points: 100, Attributed: map[Kind]int{}, Proofs: 1, First: 900, Last: 900},
		{Culprit: chain.Operator{3}, Attributed: map[Kind]int{}, Unattributed: 1},
	}, got)
}

func TestEveryKindHasAWeight(t *testing.T) {
	for _, kind := range Kinds() {
		require.Positive(t, weights[kind], kind)
	}
}
