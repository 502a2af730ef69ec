package nettest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/net/nettest"
)

const topicName = "/walletnode/test/1"

// talk is n members of one topic.
func talk(t *testing.T, seed uint64, n int) (*nettest.Network, []*nettest.Member, []*nettest.Topic) {
	t.Helper()
	network := nettest.New(seed, net.Schedule{}, inspect)
	t.Cleanup(network.Close)
	cfg := net.TopicConfig{Name: topicName, MaxMessage: 100, PerOperator: 8}
	for i := range n {
		cfg.Operators = append(cfg.Operators, op(i+1))
	}
	members, topics := make([]*nettest.Member, n), make([]*nettest.Topic, n)
	for i := range n {
		members[i] = network.Add(key(i+1), func() chain.Height { return 900 })
		topic, err := members[i].OpenTopic(cfg)
		require.NoError(t, err)
		topics[i] = topic
	}
	return network, members, topics
}

// listen returns what a topic has to say until it falls silent for a second of virtual time.
func listen(t *testing.T, topic *nettest.Topic) (all []string) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		said, err := topic.Next(ctx)
		cancel()
		if err != nil {
			return all
		}
		all = append(all, string(said.Data))
	}
}

func TestTopicsSurviveBadWeather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, _, topics := talk(t, 1, 20)
		defer network.Close()
		network.SetWeather(nettest.Weather{Loss: 0.9, Duplicate: 0.1, MaxDelay: time.Second, NoRelay: true})
		var want []string
		for i, topic := range topics {
			require.NoError(t, topic.Publish(t.Context(), fmt.Append(nil, i)))
			want = append(want, fmt.Sprint(i))
		}
		time.Sleep(time.Hour)
		slices.Sort(want)
		for _, topic := range topics {
			got := listen(t, topic)
			slices.Sort(got)
			require.Equal(t, want, got, "each once, its own included")
		}
		topics[0].Forget([]byte("0"))
		require.NoError(t, topics[0].Close())
		require.ErrorIs(t, topics[0].Publish(t.Context(), []byte("x")), net.ErrLeft)
		_, err := topics[0].Next(t.Context())
		require.ErrorIs(t, err, net.ErrLeft)
	})
}

func TestTopicsHaveBoundsStrangersAndSight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, members, topics := talk(t, 1, 3)
		defer network.Close()
		require.Equal(t, net.Sight{Subscribed: true, Operators: 2, Since: 900}, topics[0].Sight())
		_, err := members[0].OpenTopic(net.TopicConfig{Name: topicName, Operators: []chain.Operator{op(1)}, MaxMessage: 1, PerOperator: 1})
		require.ErrorIs(t, err, net.ErrJoined)
		network.InjectTopic(key(9), topicName, []byte("a stranger"))
		network.InjectTopic(key(2), topicName, make([]byte, 101))
		network.InjectTopicSigned(topicName, []byte{0xff})
		signed := network.InjectTopic(key(2), topicName, []byte("a member"), members[0])
		signed[len(signed)-1] ^= 1
		network.InjectTopicSigned(topicName, signed, members[0])
		require.Equal(t, []string{"a member"}, listen(t, topics[0]))
		for i := range 8 {
			require.NoError(t, topics[2].Publish(t.Context(), fmt.Append(nil, i)))
		}
		require.ErrorIs(t, topics[2].Publish(t.Context(), []byte("8")), net.ErrTopicFull)
		network.Partition(members[:1])
		require.Equal(t, net.Sight{Subscribed: true}, topics[0].Sight())
	})
}

func TestInvitationsReachWhoComesIntoReach(t *testing.T) {
	network, members, _ := talk(t, 1, 3)
	got := make([][]string, 3)
	for i, m := range members[:2] {
		m.OnInvited(func(doc []byte, _ peer.ID) { got[i] = append(got[i], string(doc)) })
	}
	network.Partition(members[:1], members[1:])
	require.NoError(t, members[2].Invite([]byte("come")))
	require.Error(t, members[2].Invite(nil))
	require.Equal(t, [][]string{nil, {"come"}, nil}, got)
	network.Heal()
	require.Equal(t, [][]string{{"come"}, {"come"}, nil}, got)
	members[2].Withdraw([]byte("come"))
	members[2].OnInvited(func(doc []byte, _ peer.ID) { got[2] = append(got[2], string(doc)) })
	require.NoError(t, members[0].Invite([]byte("stay")))
	require.Equal(t, [][]string{{"come"}, {"come", "stay"}, {"stay"}}, got)
}
