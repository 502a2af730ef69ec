package net

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// cluster is a few nodes on go-libp2p's mock network. Its tests run under synctest, so that a second of waiting
// costs nothing and a goroutine left behind fails the test.
type cluster struct {
	t   *testing.T
	mn  mocknet.Mocknet
	n   int
	ctx context.Context
}

// member is one node of a cluster.
type member struct {
	*Host
	lh     host.Host
	clock  *heights
	cancel context.CancelFunc
	done   chan error
}

// withCluster runs a test on a mock network; nodes and network are stopped before the bubble ends.
func withCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &cluster{t: t, mn: mocknet.New(), ctx: ctx}
		defer synctest.Wait()
		defer func() { require.NoError(t, c.mn.Close()) }()
		defer cancel()
		test(t, c)
	})
}

// instanceKey is the libp2p key of the n-th instance.
func instanceKey(t testing.TB, n int) crypto.PrivKey {
	t.Helper()
	seed := binary.BigEndian.AppendUint64(make([]byte, 24), uint64(n))
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed))
	require.NoError(t, err)
	return key
}

// bareHost adds a libp2p host without a node.
func (c *cluster) bareHost(key crypto.PrivKey) host.Host {
	c.t.Helper()
	c.n++
	addr, err := ma.NewMultiaddr(fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", c.n))
	require.NoError(c.t, err)
	h, err := c.mn.AddPeer(key, addr)
	require.NoError(c.t, err)
	return h
}

func testConfig(op byte) Config {
	return Config{Operator: operatorKey(op), Schedule: testSchedule, Params: [32]byte{1}}
}

// add starts a node of an operator. Changes to its configuration come with change.
func (c *cluster) add(op byte, change ...func(*Config)) *member {
	c.t.Helper()
	return c.addOn(c.bareHost(instanceKey(c.t, c.n+1)), op, change...)
}

func (c *cluster) addOn(lh host.Host, op byte, change ...func(*Config)) *member {
	c.t.Helper()
	cfg := testConfig(op)
	for _, f := range change {
		f(&cfg)
	}
	clock := newHeights(900)
	return c.run(lh, cfg, testDeps(clock.Height), clock)
}

// run starts a node on a host.
func (c *cluster) run(lh host.Host, cfg Config, deps Deps, clock *heights) *member {
	c.t.Helper()
	h, err := NewWithHost(lh, cfg, deps)
	require.NoError(c.t, err)
	ctx, cancel := context.WithCancel(c.ctx)
	m := &member{Host: h, lh: lh, clock: clock, cancel: cancel, done: make(chan error, 1)}
	go func() { m.done <- h.Run(ctx) }()
	return m
}

func (c *cluster) connect(a, b host.Host) {
	c.t.Helper()
	_, err := c.mn.LinkPeers(a.ID(), b.ID())
	require.NoError(c.t, err)
	_, err = c.mn.ConnectPeers(a.ID(), b.ID())
	require.NoError(c.t, err)
}

// disconnect separates two hosts for good: pubsub dials who seems to be connected still.
func (c *cluster) disconnect(a, b host.Host) {
	c.t.Helper()
	require.NoError(c.t, c.mn.UnlinkPeers(a.ID(), b.ID()))
	require.NoError(c.t, c.mn.DisconnectPeers(a.ID(), b.ID()))
}

// settle lets exchanges, announcements and meshes come about.
func (c *cluster) settle() {
	time.Sleep(3 * time.Second)
	synctest.Wait()
}

func (m *member) join(t *testing.T, w chain.Wallet) *Channel {
	t.Helper()
	ch, err := m.Join(w)
	require.NoError(t, err)
	return ch
}

func (m *member) peer(t *testing.T, other host.Host) PeerInfo {
	t.Helper()
	for _, p := range m.Peers() {
		if p.ID == other.ID() {
			return p
		}
	}
	t.Fatalf("no peer %v", other.ID())
	return PeerInfo{}
}

// say seals and publishes.
func say(t *testing.T, ch *Channel, window chain.Height, text string) {
	t.Helper()
	envelope, err := ch.Seal(testPayload(ch.Wallet().ID(), window, text), 1)
	require.NoError(t, err)
	require.NoError(t, ch.Publish(t.Context(), envelope))
}

func TestMembersHearEachOther(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b := c.add(1), c.add(2)
		onA, onB := a.join(t, w), b.join(t, w)
		c.connect(a.lh, b.lh)
		c.settle()
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, onA.Sight())
		require.Equal(t, Sight{Subscribed: true, Operators: 1, Since: 900}, onB.Sight())
		require.Equal(t, PeerAdmitted, a.peer(t, b.lh).State)
		require.Equal(t, operator(2), a.peer(t, b.lh).Operator)

		arrived := onB.Arrived()
		say(t, onA, 900, "hello")
		<-arrived
		got := onB.Take(900)
		require.Equal(t, []string{"hello"}, said(got))
		require.Equal(t, operator(1), got[0].Author)
		require.Equal(t, chain.Height(900), got[0].ArrivedAt)
		require.Empty(t, onA.Take(900), "not delivered to ourselves")
	})
}
