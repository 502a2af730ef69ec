package net

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

// waiting counts who is connected and neither admitted nor about to be cut off.
func (t *table) waiting() (n int) {
	for _, e := range t.peers {
		if e.connected && !e.admitted && !e.cut {
			n++
		}
	}
	return n
}

func ownID(op byte) peer.ID { return peer.ID(wire.PublicKeyOf(operatorKey(op)).PeerID()) }

// memberTable is the table of a node of operator 1 that shares a wallet with operators 2 and 3.
func memberTable(t *testing.T) *table {
	t.Helper()
	tab := testTable()
	require.NoError(t, tab.join(&Channel{wallet: testWallet(t, 1, 1, 2, 3)}, time.Unix(1000, 0)))
	return tab
}

func TestR6ANewcomerTakesThePlaceOfWhoHasWaitedLongest(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	for i := range maxWaiting {
		require.True(t, tab.connected(peer.ID(fmt.Sprint(i)), "addr", false, now))
		now = now.Add(time.Millisecond)
	}
	require.Empty(t, tab.sweep(now).cut)
	require.True(t, tab.connected("0", "another connection", false, now), "takes no place")
	require.Empty(t, tab.sweep(now).cut)
	require.True(t, tab.connected("newcomer", "addr", false, now))
	require.Equal(t, []peer.ID{"0"}, tab.sweep(now).cut)
	require.Equal(t, maxWaiting, tab.waiting())
	tab.disconnected("0", gone, now)

	// Whoever was here before takes a place too when it comes back, but is not refused.
	require.True(t, tab.connected("0", "addr", false, now))
	require.Equal(t, []peer.ID{"1"}, tab.sweep(now).cut)
	require.Equal(t, maxWaiting, tab.waiting())
	tab.disconnected("1", gone, now)

	// A member whose peer ID is its operator's key does not wait.
	require.True(t, tab.connected(ownID(2), "addr", false, now))
	require.True(t, tab.admits(ownID(2)))
	require.Empty(t, tab.sweep(now).cut)
}

func TestR6InstancesOfOneOperatorAreBounded(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	id := func(i int) peer.ID { return peer.ID(fmt.Sprint("instance ", i)) }
	for i := range 2 * maxPeers {
		if tab.connected(id(i), "addr", false, now) {
			tab.proved(id(i), operator(2), now.Add(time.Hour), now)
		}
		for _, cut := range tab.sweep(now).cut {
			tab.disconnected(cut, gone, now)
		}
		now = now.Add(time.Millisecond)
		require.LessOrEqual(t, tab.waiting(), maxWaiting)
	}
	for i := range 2 * maxPeers {
		require.Equal(t, i < maxInstances, tab.admits(id(i)), "who came first stays")
	}
	require.Equal(t, maxInstances, tab.present[operator(2)])
	require.True(t, tab.connected(ownID(3), "addr", false, now))
	require.True(t, tab.admits(ownID(3)), "others have places of their own")

	// A place that becomes free goes to one who waits.
	tab.disconnected(id(0), gone, now)
	tab.sweep(now)
	require.Equal(t, maxInstances, tab.present[operator(2)])
	require.Equal(t, maxInstances, tab.places[operator(2)])
}

// Not even between two sweeps, when those are still connected that are to be cut off.
func TestR6AFullTableKeepsNoMemberOut(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	for i := range 2 * maxPeers {
		id := peer.ID(fmt.Sprint(i))
		require.Equal(t, i < maxPeers, tab.connected(id, "addr", false, now))
		tab.proved(id, operator(2), now.Add(time.Hour), now)
	}
	require.True(t, tab.connected(ownID(3), "addr", false, now))
	require.True(t, tab.admits(ownID(3)))
}

func TestR6ANewInstanceKeyIsNoNewBudget(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	enter := func(id peer.ID, op byte) meter {
		require.True(t, tab.connected(id, "addr", false, now))
		tab.proved(id, operator(op), now.Add(time.Hour), now)
		m, ok := tab.meter(id)
		require.True(t, ok)
		return m
	}
	first := enter("first", 2)
	for first.weigh(now, 1, 1) != beyondBearing { // until it is cut off
	}
	tab.refuse("first", "flood", now)
	require.Equal(t, beyondBearing, enter("second", 2).weigh(now, 1, 1))
	require.Equal(t, withinLimits, enter("another", 3).weigh(now, 1, 1))

	// Who speaks for nobody we know has a meter of its own, and what a member has used is forgotten with its last wallet.
	require.Equal(t, withinLimits, enter("stranger", 9).weigh(now, 1, 1))
	require.Len(t, tab.meters, 2)
	tab.leave(tab.channel(testWallet(t, 1, 1, 2, 3).ID()), now)
	require.Empty(t, tab.meters)
}

func TestR6AStrangersCrowdKeepsNobodyOut(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b := c.add(1), c.add(3)
		ch := a.join(t, w)
		b.join(t, w)
		for i := range maxWaiting + 10 {
			c.connect(c.bareHost(instanceKey(t, 1000+i)), a.lh)
		}
		own := c.operatorHost(2)
		c.connect(own, a.lh)
		c.connect(b.lh, a.lh)
		synctest.Wait()
		require.True(t, c.connected(a.lh, own))
		require.Equal(t, PeerAdmitted, a.peer(t, b.lh).State)
		require.Equal(t, 2, ch.Sight().Operators)
	})
}
