package main

import (
	"strings"
	"testing"

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
