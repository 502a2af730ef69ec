package net

import (
	"errors"
	"fmt"
	"testing"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

func testTable() *table {
	return newTable(operator(1), testConfig(1).withDefaults(), func() chain.Height { return 900 }, func(peer.ID, bool) {})
}

func gone() bool { return false }

func TestR6RememberedPeersAreBounded(t *testing.T) {
	tab, now := testTable(), time.Unix(1000, 0)
	tab.addStatic("static")
	for i := range 2 * maxPeers {
		id := peer.ID(fmt.Sprint(i))
		require.True(t, tab.connected(id, "addr", false, now))
		now = now.Add(time.Second)
		tab.disconnected(id, gone, now)
	}
	infos := tab.infos(now)
	require.Len(t, infos, maxPeers)
	kept := make(map[peer.ID]bool)
	for _, i := range infos {
		kept[i.ID] = true
	}
	require.True(t, kept["static"])
	require.True(t, kept[peer.ID(fmt.Sprint(2*maxPeers-1))])
	require.False(t, kept["0"], "the longest unseen is forgotten")
}

// Operators who are admitted already are not told again for each topic that is opened and closed with them: each signature has one.
func TestATopicIsNewsToThoseAloneWhoAreAdmittedForNothingElse(t *testing.T) {
	tab, now := testTable(), time.Unix(1000, 0)
	topicOf := func(name string, operators ...chain.Operator) *Topic {
		cfg := TopicConfig{Name: name, Operators: operators, MaxMessage: 100, PerOperator: 1}
		inbox, err := NewTopicInbox(cfg)
		require.NoError(t, err)
		return &Topic{cfg: cfg, inbox: inbox}
	}
	for n := byte(2); n <= 3; n++ {
		require.True(t, tab.connected(peer.ID(fmt.Sprint(n)), "addr", false, now))
		tab.proved(peer.ID(fmt.Sprint(n)), operator(n), now.Add(time.Hour), now)
	}
	told := func() (untold []chain.Operator) {
		for _, e := range tab.peers {
			if e.dialogue.untold {
				untold = append(untold, e.operator)
			}
			e.dialogue.untold = false
		}
		return untold
	}
	wallet := topicOf("/walletnode/wallet", operator(1), operator(2))
	require.NoError(t, tab.openTopic(wallet, now))
	require.Equal(t, []chain.Operator{operator(2)}, told())
	second := topicOf("/walletnode/second", operator(1), operator(2), operator(3))
	require.NoError(t, tab.openTopic(second, now))
	require.Equal(t, []chain.Operator{operator(3)}, told())
	require.True(t, tab.closeTopic(wallet, now))
	require.Empty(t, told())
	require.True(t, tab.closeTopic(second, now))
	require.ElementsMatch(t, []chain.Operator{operator(2), operator(3)}, told())
}

func TestDisconnectionOfOneOfTwoConnectionsIsNone(t *testing.T) {
	tab, now := testTable(), time.Unix(1000, 0)
	require.True(t, tab.connected("p", "addr", false, now))
	tab.disconnected("p", func() bool { return true }, now)
	require.NotNil(t, tab.gone("p"))
	tab.disconnected("p", gone, now)
	require.Nil(t, tab.gone("p"))
}

func TestR6BansAreForgotten(t *testing.T) {
	height := chain.Height(900)
	tab := newTable(operator(1), testConfig(1).withDefaults(), func() chain.Height { return height }, func(peer.ID, bool) {})
	author := func(n byte) peer.ID { return peer.ID(wire.PublicKeyOf(operatorKey(n)).PeerID()) }
	require.False(t, tab.ban(author(2), operator(2), 1800, time.Now()))
	require.True(t, tab.ban(author(2), operator(2), 1800, time.Now()))
	require.True(t, blacklist{tab}.Contains(author(2)))
	require.False(t, blacklist{tab}.Contains(author(3)))
	height = 1800
	require.False(t, blacklist{tab}.Contains(author(2)))
	require.False(t, tab.ban(author(3), operator(3), 2700, time.Now()))
	require.Len(t, tab.cutoffs.until, 1)
	require.Len(t, tab.cutoffs.authors, 1)
}

func TestR6RememberedTopicsAreBounded(t *testing.T) {
	tab, now := testTable(), time.Unix(1000, 0)
	f := topicFilter{tab}
	announce := func(topic string) []*pb.RPC_SubOpts {
		yes := true
		subs, err := f.FilterIncomingSubscriptions("p", []*pb.RPC_SubOpts{{Topicid: &topic, Subscribe: &yes}})
		require.NoError(t, err)
		return subs
	}
	name := func(n int) string { return fmt.Sprintf("tbtc-%0130x-coordination", n) }
	require.Empty(t, announce(name(1)), "it is not connected")
	require.True(t, tab.connected("p", "addr", false, now))
	for _, topic := range []string{"", "tbtc--coordination", name(1) + "x", "x" + name(1)} {
		require.Empty(t, announce(topic))
	}
	for i := range maxTopics {
		require.Len(t, announce(name(i)), 1)
	}
	require.Empty(t, announce(name(maxTopics)))
	require.Len(t, announce(name(0)), 1)
	tab.disconnected("p", gone, now)
	require.Empty(t, tab.peers["p"].topics)
	require.True(t, f.CanSubscribe(wire.ChannelName(testWallet(t, 1, 1).Key())))
}

func TestConfigComplaintsAreJoined(t *testing.T) {
	cfg := Config{Listen: []string{"nonsense"}, Peers: []string{"/ip4/1.2.3.4/tcp/1"}, DelegationLifetime: time.Second, Limits: Limits{MessageBurst: 1}}
	_, err := NewWithHost(nil, cfg, Deps{})
	require.Error(t, err)
	for _, part := range []string{"listen:", "operator:", "peers:", "schedule:", "delegation lifetime:", "limits:", "inspector"} {
		require.ErrorContains(t, err, part)
	}
	require.NoError(t, testConfig(1).withDefaults().Validate())
	require.Error(t, Schedule{Frequency: 10, Duration: 11}.Validate())
	require.Error(t, Config{Peers: make([]string, maxStaticPeers+1)}.Validate())
}

func TestWhyPeersAreNotAdmittedIsCountedOnceForEach(t *testing.T) {
	tab, now := memberTable(t), time.Unix(1000, 0)
	enter := func(name string, op byte) {
		require.True(t, tab.connected(peer.ID(name), "addr", false, now))
		if op != 0 {
			tab.proved(peer.ID(name), operator(op), now.Add(time.Hour), now)
		}
	}
	enter("silent", 0)
	enter("seatless", 9)
	for i := range maxInstances + 1 { // one too many
		enter(fmt.Sprint("instance ", i), 2)
	}
	require.True(t, tab.begin("silent"))
	tab.end("silent", errors.New("broken off"), now)
	require.True(t, tab.begin("seatless"))
	tab.end("seatless", nil, now)
	require.Equal(t, JoinFailures{Exchange: 1}, tab.joinFailures())
	now = now.Add(tab.timeout)
	for range 3 { // who is cut off is not gone at once
		require.Len(t, tab.sweep(now).cut, 3)
	}
	require.Equal(t, JoinFailures{Exchange: 1, Unproven: 1, Seatless: 1, Instances: 1}, tab.joinFailures())
	turned := uint64(0)
	for i := range maxPeers {
		if !tab.connected(peer.ID(fmt.Sprint(i)), "addr", false, now) {
			turned++
		}
	}
	require.NotZero(t, turned)
	require.Equal(t, turned, tab.joinFailures().Full)
}
