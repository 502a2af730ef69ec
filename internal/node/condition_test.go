package node

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/proposal"
)

func TestConditionIsWhatReadinessSaysAndWhichActionsWait(t *testing.T) {
	n, sole, shared := nodeForChecks(t)
	n.members.joined[sole.ID()], n.members.joined[shared.ID()] = channel{}, channel{operators: 1}
	c := condition{n}
	var names []string
	for _, check := range n.Readiness(t.Context()).Checks {
		names = append(names, check.Name)
	}
	require.Equal(t, metrics.Checks(), names, "every check has its series")
	require.Len(t, metrics.States(), len(States()))
	for i, state := range States() {
		require.Equal(t, metrics.States()[i], string(state))
	}
	now := c.Condition()
	require.Equal(t, metrics.Condition{State: "starting", OK: map[string]bool{
		"state": false, "chain_clock": false, "chain_endpoints": true, "store": true, "disk": true, "wallets": true, "peers": true,
		"lease": true, "journal": true, "halts": true,
	}}, now)

	n.chain.follow(chain.Header{Height: 900, Hash: chain.Hash{1}, Time: time.Now()})
	w, ok := coordination.RFC12().Window(900)
	require.True(t, ok)
	require.NoError(t, n.store.OpenWindow(t.Context(), coordination.Opened{Block: 900, At: 900}))
	_, err := n.store.Begin(t.Context(), sole.ID(), w, 900)
	require.NoError(t, err)
	agreed := coordination.Result{Wallet: sole.ID(), Window: w, Proposal: proposal.Heartbeat{}, OpenedAt: 900, ReceivedAt: 901, Reason: coordination.ReasonOK}
	order, ok := agreed.Order()
	require.True(t, ok)
	_, err = n.store.RecordResult(t.Context(), agreed)
	require.NoError(t, err)
	now = c.Condition()
	require.Equal(t, []int{1, 0}, []int{now.Pending, now.Overdue})

	n.chain.follow(chain.Header{Height: order.Expiry, Hash: chain.Hash{2}, Time: time.Now()})
	now = c.Condition()
	require.Equal(t, []int{1, 1}, []int{now.Pending, now.Overdue})

	require.NoError(t, n.store.Close())
	now = c.Condition()
	require.False(t, now.OK["store"])
	require.Equal(t, []int{-1, -1}, []int{now.Pending, now.Overdue})
}
