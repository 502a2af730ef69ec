package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
)

func TestWholeNodesAgreeWindowAfterWindow(t *testing.T) {
	one, two := newWallet(1, 0, 1, 2, 0), newWallet(2, 2, 3, 1, 3, 3)
	withMocknet(t, 4, func(t *testing.T, w *world) {
		w.chain.requests = []chain.RedemptionRequest{{
			Script: []byte{0, 20, 1}, RequestedAmount: 1_000_000, TxMaxFee: 100_000,
			RequestedAt: must(w.chain.Header(t.Context(), 700)).Time,
		}}
		for n := range 4 {
			w.start(n)
		}
		for _, block := range []chain.Height{900, 1800, 2700} {
			w.pass(block + 110)
			for _, wallet := range w.wallets {
				leader := w.leader(wallet, block)
				for n := range 4 {
					if !wallet.Holds(operator(n)) {
						continue
					}
					row, ok := w.rows(n, block)[wallet.ID()]
					require.True(t, ok, "node %d has no row of wallet %s", n, wallet.ID())
					require.Equal(t, leader, row.Leader)
					require.Equal(t, coordination.ReasonOK, row.Reason, row.Detail)
					require.Equal(t, proposal.KindRedemption, row.Proposal.Kind())
				}
			}
		}
		for n := range 4 {
			require.Empty(t, w.faults(n))
			actions, err := w.nodes[n].Store().PendingActions(t.Context())
			require.NoError(t, err)
			require.Empty(t, actions, "each action has ended: no_signer")
		}
	}, one, two)
}

func TestASilentLeaderIsIdleToAllOthers(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2, 3)
	withMocknet(t, 4, func(t *testing.T, w *world) {
		for n := range 4 {
			w.start(n)
		}
		w.pass(890)
		leader := w.leader(wallet, 900)
		silent := -1
		for n := range 4 {
			if operator(n) == leader {
				silent = n
				w.stop(n)
			}
		}
		w.pass(1000)
		for n := range w.nodes {
			require.Equal(t, coordination.ReasonLeaderIdle, w.rows(n, 900)[wallet.ID()].Reason)
			found := w.faults(n)
			require.Len(t, found, 1)
			require.Equal(t, faults.Key{Wallet: wallet.ID(), Window: 900, Kind: faults.LeaderIdle, Culprit: leader}, found[0].Key)
			require.True(t, found[0].Attributed)
		}
		w.start(silent)
		w.pass(1790)
		require.Empty(t, w.faults(silent))
	}, wallet)
}

func TestR1ANodeRestartedInsideAWindowResumesItAndOneThatComesBackTooLateSaysSo(t *testing.T) {
	wallet := newWallet(1, 0, 1, 2)
	withMocknet(t, 3, func(t *testing.T, w *world) {
		for n := range 3 {
			w.start(n)
		}
		w.pass(910)
		for n := range 3 {
			w.stop(n) // leader and followers, in the middle of it
		}
		time.Sleep(time.Second)
		w.chain.Show(918)
		for n := range 2 {
			w.start(n)
		}
		w.pass(1010)
		w.start(2) // too late
		w.pass(1020)
		for n := range 2 {
			row := w.rows(n, 900)[wallet.ID()]
			require.Contains(t, []coordination.Reason{coordination.ReasonNoop, coordination.ReasonOK, coordination.ReasonLeaderIdle}, row.Reason)
			for _, f := range w.faults(n) {
				require.False(t, f.Attributed, "nobody who was away accuses")
			}
		}
		require.Equal(t, coordination.ReasonNodeDown, w.rows(2, 900)[wallet.ID()].Reason)
	}, wallet)
}
