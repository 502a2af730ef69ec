package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

func init() { conformance["windows are counted, and what changes is noticed"] = testTally }

func testTally(t *testing.T, open func() *Store) {
	s := open()
	empty, err := s.Tally(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Equal(t, Tally{}, empty)
	before, err := s.Pulse(t.Context(), 900)
	require.NoError(t, err)

	// noticed tells whether the pulse has changed since it was last asked for.
	noticed := func() bool {
		now, err := s.Pulse(t.Context(), 900)
		require.NoError(t, err)
		changed := now != before
		before = now
		return changed
	}
	require.False(t, noticed())
	require.NoError(t, s.OpenWindow(t.Context(), opened(1)))
	_, err = s.Begin(t.Context(), walletA, window(1), 900)
	require.NoError(t, err)
	require.True(t, noticed(), "a wallet takes part")
	record(t, s, agreed(walletA, 1))
	require.True(t, noticed(), "it has a result")
	record(t, s, agreed(walletB, 1))
	record(t, s, silent(walletA, 2, fault(walletA, 2, faults.LeaderIdle, mallory)))
	unattributed := fault(walletB, 2, faults.LeaderIdle, mallory)
	unattributed.Attributed = false
	record(t, s, silent(walletB, 2, unattributed))
	require.NoError(t, s.RecordMissed(t.Context(), coordination.Missed{First: 2700, Last: 4500, Reason: coordination.ReasonNodeDown, NotedAt: 4700}))
	_, err = s.Begin(t.Context(), walletA, window(6), 5400)
	require.NoError(t, err)
	noticed()
	require.NoError(t, s.RecordAmendment(t.Context(), coordination.Amendment{Wallet: walletA, Window: window(2), Fault: late(walletA, 2)}))
	require.True(t, noticed(), "a fault is found to be a late message")
	require.False(t, noticed())
	require.NoError(t, s.ImportWallet(t.Context(), testWallet(t, 1, mallory), noon))
	require.True(t, noticed(), "there is a new wallet")

	all, err := s.Tally(t.Context(), 900, 1)
	require.NoError(t, err)
	leader := chain.Operator{7}
	newest, err := s.Faults(t.Context(), faults.Filter{Limit: 1})
	require.NoError(t, err)
	require.Len(t, newest, 1)
	require.Equal(t, Tally{
		Results: []ResultTally{
			{Block: 900, Leader: leader, Reason: coordination.ReasonOK, Wallets: 2},
			{Block: 1800, Leader: leader, Reason: coordination.ReasonLeaderIdle, Wallets: 2},
		}, // what is open has not ended in any way
		Faults: []FaultTally{
			{Block: 1800, Culprit: mallory, Kind: faults.LeaderIdle, Attributed: false, Wallets: 1},
			{Block: 1800, Culprit: mallory, Kind: faults.LeaderIdle, Attributed: true, Wallets: 1},
		},
		Missed: []coordination.Missed{{First: 2700, Last: 4500, Reason: coordination.ReasonNodeDown, NotedAt: 4700}},
		Newest: newest,
	}, all)
	some, err := s.Tally(t.Context(), 1801, 1)
	require.NoError(t, err)
	require.Empty(t, some.Results)
	require.Empty(t, some.Faults)
	require.Len(t, some.Missed, 1, "the range reaches into what was asked for")
	none, err := s.Tally(t.Context(), 5400, 1)
	require.NoError(t, err)
	require.Equal(t, Tally{Newest: newest}, none)
}

func late(wallet chain.WalletID, n uint64) faults.Fault {
	f := fault(wallet, n, faults.LeaderIdle, mallory)
	f.Late = true
	return f
}
