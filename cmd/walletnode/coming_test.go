package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/view"
)

func TestAWatchedEventIsOneLine(t *testing.T) {
	w, _ := coordination.RFC12().Window(900)
	wallet := chain.WalletID{0xa}
	for want, event := range map[string]view.Event{
		"T window 900: opened at block 907\n": view.NewOpening(coordination.Opened{Block: 900, At: 907}, "T"),
		"T window 900 wallet " + wallet.String() + ": noop, leader, leader -, - (two lines)\n": view.NewEvent(coordination.Result{
			Wallet: wallet, Window: w, Role: coordination.RoleLeader, Reason: coordination.ReasonNoop, Detail: "two\nlines",
		}, "T"),
		"T window 900 wallet " + wallet.String() + ": learned afterwards; fault leader_idle of " + chain.Operator{1}.String() + ", unattributed; the action is revoked\n": view.NewEvent(coordination.Amendment{
			Wallet: wallet, Window: w, Fault: faults.Fault{Key: faults.Key{Kind: faults.LeaderIdle, Culprit: chain.Operator{1}}}, Revoke: true,
		}, "T"),
		"T dropped: too slow to follow, windows list has the rest\n": view.NewDropped("T"),
	} {
		var out strings.Builder
		require.NoError(t, writeEvent(&out, event))
		require.Equal(t, want, out.String())
	}
}

// As soon as the seed block exists an operator is told what is to be led, in blocks and in time, and who leads the rest.
func TestTheComingWindowIsToldInBlocksAndInTime(t *testing.T) {
	ours, theirs, self := chain.WalletID{0xa}, chain.WalletID{0xb}, chain.Operator{1}
	next, w := view.NewNext(883, 12*time.Second)
	next.Wallets = []view.Election{
		{Wallet: ours, Window: w.Block, Leader: self, Checklist: []string{"Redemption", "Heartbeat"}, Own: true},
		{Wallet: theirs, Window: w.Block, Leader: chain.Operator{2}},
	}
	want := "next      window 900 in 17 blocks, about 3 min 24 s\n" +
		"          you lead wallet " + ours.String() + " in 17 blocks, about 3 min 24 s: Redemption, Heartbeat\n" +
		"          " + chain.Operator{2}.String() + " leads wallet " + theirs.String() + "\n"
	var out strings.Builder
	describeNext(&out, next)
	require.Equal(t, want, out.String())
	out.Reset()
	require.NoError(t, writeStatus(&out, view.Status{State: "active", Next: &next}))
	require.Contains(t, out.String(), want, "status tells it too")

	early, _ := view.NewNext(867, 12*time.Second)
	out.Reset()
	describeNext(&out, early)
	require.Contains(t, out.String(), "who leads is known from block 868 on, in 1 block\n", "32 blocks ahead")
	known, _ := view.NewNext(868, 12*time.Second)
	require.Zero(t, known.SeedIn)
}
