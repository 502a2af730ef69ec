package net

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/stretchr/testify/require"
)

// Sixteen instances of one operator are admitted, and who came first stays.
func TestSixteenInstancesOfAnOperatorAreAdmitted(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2)
		a := c.add(1)
		ch := a.join(t, w)
		var others []*member
		for range maxInstances {
			b := c.add(2)
			b.join(t, w)
			c.connect(b.lh, a.lh)
			others = append(others, b)
		}
		c.settle()
		for _, b := range others {
			require.Equal(t, PeerAdmitted, a.peer(t, b.lh).State)
		}
		require.Equal(t, 1, ch.Sight().Operators, "many instances are one operator")
		last := c.add(2)
		last.join(t, w)
		c.connect(last.lh, a.lh)
		time.Sleep(10 * time.Second)
		c.settle()
		require.NotEqual(t, PeerAdmitted, a.peer(t, last.lh).State)
		require.NotZero(t, a.Counters().JoinFailures.Instances)
	})
}

// One list of configured peers serves all instances: each finds its siblings in it, and not itself.
func TestSiblingsConnectToEachOther(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		var hosts []host.Host
		var peers []string
		for n := range 5 {
			hosts = append(hosts, c.bareHost(instanceKey(t, n+1)))
			peers = append(peers, address(hosts[n]))
		}
		require.NoError(t, c.mn.LinkAll())
		var all []*member
		for _, lh := range hosts {
			all = append(all, c.addOn(lh, 1, func(cfg *Config) { cfg.Peers = peers }))
		}
		time.Sleep(2 * lastRedial) // they share no wallet, and need none
		c.settle()
		for _, a := range all {
			for _, b := range hosts {
				if a.ID() != b.ID() {
					require.Equal(t, PeerAdmitted, a.peer(t, b).State)
					require.Equal(t, operator(1), a.peer(t, b).Operator)
				}
			}
		}
	})
}

// Siblings share a budget that suffices for all of them, others one that suffices for the busy ones.
func TestSiblingsHaveWhatAllOfThemNeed(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	burst := func(name string, op byte) int {
		require.True(t, tab.connected(ownID(op), "addr", false, now), name)
		m, ok := tab.meter(ownID(op))
		require.True(t, ok)
		return m.messages.Burst()
	}
	require.Equal(t, 4096*busyInstances, burst("another", 2))
	require.Equal(t, 4096*maxInstances, burst("a sibling", 1))
}
