package view

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
)

func TestTheLastWindowsAreAWeekOfThemAtMost(t *testing.T) {
	require.Empty(t, LastWindows(0))
	require.Empty(t, LastWindows(899))
	require.Equal(t, []chain.Height{900}, LastWindows(900))
	require.Equal(t, []chain.Height{900, 1800, 2700}, LastWindows(2799))
	many := LastWindows(900_000)
	require.Len(t, many, heatWindows)
	require.Equal(t, chain.Height(900_000), many[heatWindows-1])
}

func TestACellOfTheHeatmapShowsTheGravest(t *testing.T) {
	self, honest, bad := chain.Operator{9}, chain.Operator{1}, chain.Operator{2}
	windows := LastWindows(3600)
	tally := store.Tally{
		Results: []store.ResultTally{
			{Block: 900, Leader: self, Reason: coordination.ReasonOK, Wallets: 3},
			{Block: 900, Leader: honest, Reason: coordination.ReasonNoop, Wallets: 1},
			{Block: 900, Leader: honest, Reason: coordination.ReasonNoQuorum, Wallets: 2},
			{Block: 900, Leader: bad, Reason: coordination.ReasonLeaderIdle, Wallets: 1},
			{Block: 1800, Leader: bad, Reason: coordination.ReasonOK, Wallets: 1},
			{Block: 1800, Reason: coordination.ReasonSeedUnavailable, Wallets: 4},                    // nobody's
			{Block: 90_000, Leader: bad, Reason: coordination.ReasonOK, Wallets: 1},                  // not shown
			{Block: 2700, Leader: chain.Operator{5}, Reason: coordination.ReasonNoPeers, Wallets: 1}, // of a wallet that was put away
		},
		Faults: []store.FaultTally{
			{Block: 900, Culprit: bad, Kind: faults.LeaderIdle, Attributed: true, Wallets: 1},
			{Block: 900, Culprit: bad, Kind: faults.LeaderIdle, Attributed: false, Wallets: 2},
			{Block: 1800, Culprit: bad, Kind: faults.LeaderImpersonation, Attributed: true, Wallets: 1},
			{Block: 1800, Culprit: bad, Kind: faults.LeaderMistake, Attributed: true, Wallets: 2},
			{Block: 2700, Culprit: honest, Kind: faults.LeaderEquivocation, Attributed: true, Wallets: 1},
		},
		Missed: []coordination.Missed{{First: 3600, Last: 9000, Reason: coordination.ReasonNodeDown}},
	}
	heat := NewHeat(windows, []chain.Operator{bad, honest, self, bad}, self, tally)
	require.Equal(t, windows, heat.Windows)
	require.Equal(t, []chain.Operator{self, honest, bad, {5}}, heat.Operators, "the own one first, each once")
	want := []HeatCell{
		{Operator: 0, Window: 0, State: HeatLed, Led: 3},
		{Operator: 0, Window: 3, State: HeatBlind, Blind: 1},
		{Operator: 1, Window: 0, State: HeatBlind, Led: 1, Blind: 2},
		{Operator: 1, Window: 2, State: HeatEquivocation, TwoFaced: 1},
		{Operator: 1, Window: 3, State: HeatBlind, Blind: 1},
		{Operator: 2, Window: 0, State: HeatIdle, Idle: 1, Blind: 2},
		{Operator: 2, Window: 1, State: HeatImpersonation, Led: 1, Mistakes: 2, Stole: 1},
		{Operator: 2, Window: 3, State: HeatBlind, Blind: 1},
		{Operator: 3, Window: 2, State: HeatBlind, Blind: 1},
		{Operator: 3, Window: 3, State: HeatBlind, Blind: 1},
	}
	require.Equal(t, want, heat.Cells)
}

// Every reason has a place: a result is shown as led or as blind, or a fault shows it.
func TestEveryReasonOfAWindowIsShown(t *testing.T) {
	leader := chain.Operator{1}
	told := map[coordination.Reason]bool{
		coordination.ReasonLeaderIdle: true, coordination.ReasonLeaderMistake: true, coordination.ReasonLeaderImpersonation: true, coordination.ReasonLeaderEquivocation: true,
	}
	for _, reason := range coordination.Reasons() {
		heat := NewHeat(LastWindows(900), []chain.Operator{leader}, leader, store.Tally{Results: []store.ResultTally{{Block: 900, Leader: leader, Reason: reason, Wallets: 1}}})
		if told[reason] {
			require.Empty(t, heat.Cells, reason)
			continue
		}
		require.Len(t, heat.Cells, 1, reason)
	}
}
