package net

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// start runs a node on real sockets until the test ends, and then waits for Run.
func start(t *testing.T, n int, op byte, change ...func(*Config)) *Host {
	t.Helper()
	cfg := testConfig(op)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
	cfg.Instance = instanceKey(t, n)
	for _, f := range change {
		f(&cfg)
	}
	h, err := New(cfg, testDeps(func() chain.Height { return 900 }))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return h
}

// noLeaks fails the test if goroutines are left once its nodes have stopped. Pubsub and libp2p end some of theirs a
// moment after they were told to, which goleak waits for.
func noLeaks(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

func TestNodesMeetOverRealSockets(t *testing.T) {
	for _, transport := range []string{"tcp", "udp"} {
		t.Run(transport, func(t *testing.T) {
			noLeaks(t)
			w := testWallet(t, 1, 1, 2, 3)
			a := start(t, 1, 1)
			var address string
			for _, addr := range a.Addrs() {
				if fmt.Sprintf("/ip4/127.0.0.1/%s/", transport) == addr[:len("/ip4/127.0.0.1/tcp/")] {
					address = addr
				}
			}
			require.NotEmpty(t, address)
			b := start(t, 2, 2, func(cfg *Config) { cfg.Peers = []string{address} })
			onA, err := a.Join(w)
			require.NoError(t, err)
			onB, err := b.Join(w)
			require.NoError(t, err)
			sees := func() bool { return onA.Sight().Operators == 1 && onB.Sight().Operators == 1 }
			require.Eventually(t, sees, 10*time.Second, 10*time.Millisecond)

			// A real network may lose the first word to a mesh that is not yet there: say it again until it is heard.
			envelope, err := onB.Seal(testPayload(w.ID(), 900, "hello"), 1)
			require.NoError(t, err)
			heard := func() bool {
				require.NoError(t, onB.Publish(t.Context(), envelope))
				return len(onA.Take(900)) == 1
			}
			require.Eventually(t, heard, 10*time.Second, 50*time.Millisecond)
		})
	}
}

// Whoever has met a node knows no other address of it than the one it announces, and the one it was reached at.
func TestPeersLearnTheAnnouncedAddressInPlaceOfTheListening(t *testing.T) {
	noLeaks(t)
	w := testWallet(t, 1, 1, 2)
	const announced = "/ip4/192.0.2.1/tcp/3919"
	b := start(t, 2, 2)
	a := start(t, 1, 1, func(cfg *Config) { cfg.Announce, cfg.Peers = []string{announced}, b.Addrs() })
	require.Equal(t, []string{announced + "/p2p/" + a.ID().String()}, a.Addrs())
	_, err := a.Join(w)
	require.NoError(t, err)
	_, err = b.Join(w)
	require.NoError(t, err)
	learned := func() bool { return len(b.host.Peerstore().Addrs(a.ID())) > 0 }
	require.Eventually(t, learned, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, announced, fmt.Sprint(b.host.Peerstore().Addrs(a.ID())[0]))
	require.Len(t, b.host.Peerstore().Addrs(a.ID()), 1)

	_, err = New(Config{Instance: instanceKey(t, 3), Announce: []string{"nowhere"}}, Deps{})
	require.ErrorContains(t, err, "announce: ")
}

func TestNodesFindEachOtherByMDNS(t *testing.T) {
	noLeaks(t)
	if os.Getenv("WALLETNODE_TEST_MDNS") == "" {
		t.Skip("needs a network with multicast; set WALLETNODE_TEST_MDNS=1")
	}
	w := testWallet(t, 1, 1, 2)
	multicast := func(cfg *Config) { cfg.MDNS, cfg.Listen = true, []string{"/ip4/0.0.0.0/tcp/0"} }
	a, b := start(t, 1, 1, multicast), start(t, 2, 2, multicast)
	onA, err := a.Join(w)
	require.NoError(t, err)
	_, err = b.Join(w)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return onA.Sight().Operators == 1 }, 20*time.Second, 50*time.Millisecond)
}

func TestHostThatIsNeverRunIsClosed(t *testing.T) {
	noLeaks(t)
	cfg := testConfig(1)
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	_, err := New(cfg, testDeps(func() chain.Height { return 0 }))
	require.ErrorContains(t, err, "instance")
	cfg.Instance = instanceKey(t, 1)
	_, err = New(cfg, Deps{})
	require.ErrorContains(t, err, "inspector")
	h, err := New(cfg, testDeps(func() chain.Height { return 0 }))
	require.NoError(t, err)
	require.Equal(t, operator(1), h.Operator())
	require.NoError(t, h.Close())
}

func TestAddressInUseIsAnError(t *testing.T) {
	noLeaks(t)
	taken := start(t, 1, 1)
	addresses := taken.host.Network().ListenAddresses()
	require.Len(t, addresses, 2)
	for _, address := range addresses { // TCP and QUIC
		cfg := testConfig(2)
		cfg.Listen, cfg.Instance = []string{"/ip4/127.0.0.1/tcp/0", address.String()}, instanceKey(t, 2)
		_, err := New(cfg, testDeps(func() chain.Height { return 0 }))
		require.ErrorContains(t, err, "listen on "+address.String())
		require.ErrorIs(t, err, syscall.EADDRINUSE)
	}
}

// usage is what a number of topics costs.
type usage struct {
	goroutines int
	bytes      uint64
}

func (u usage) per(n int) string {
	return fmt.Sprintf("%.2f goroutines and %.1f kB", float64(u.goroutines)/float64(n), float64(u.bytes)/float64(n)/1000)
}

// measure runs join and returns what stays afterwards.
func measure(join func()) usage {
	read := func() usage {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return usage{runtime.NumGoroutine(), m.HeapAlloc}
	}
	before := read()
	join()
	after := read()
	return usage{after.goroutines - before.goroutines, after.bytes - min(before.bytes, after.bytes)}
}

// wallets500 has wallets of 100 seats, as on a real network.
func wallets500(tb testing.TB) []chain.Wallet {
	seats := make([]byte, 100)
	for i := range seats {
		seats[i] = byte(1 + i%20)
	}
	wallets := make([]chain.Wallet, 500)
	for i := range wallets {
		wallets[i] = testWallet(tb, i, seats...)
	}
	return wallets
}

// pubsubAlone is what pubsub itself needs for the topics of the wallets.
func pubsubAlone(tb testing.TB, wallets []chain.Wallet) usage {
	tb.Helper()
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics())
	require.NoError(tb, err)
	defer func() { require.NoError(tb, h.Close()) }()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ps, err := pubsub.NewGossipSub(ctx, h)
	require.NoError(tb, err)
	topics := make([]*pubsub.Topic, 0, len(wallets))
	u := measure(func() {
		for _, w := range wallets {
			topic, err := ps.Join(wire.ChannelName(w.Key()))
			require.NoError(tb, err)
			_, err = topic.Relay()
			require.NoError(tb, err)
			topics = append(topics, topic)
		}
	})
	runtime.KeepAlive(topics)
	return u
}

func ours(tb testing.TB, wallets []chain.Wallet) usage {
	tb.Helper()
	cfg := testConfig(1)
	cfg.Instance = instanceKey(tb, 1)
	h, err := New(cfg, testDeps(func() chain.Height { return 900 }))
	require.NoError(tb, err)
	defer func() { require.NoError(tb, h.Close()) }()
	channels := make([]*Channel, 0, len(wallets))
	u := measure(func() {
		for _, w := range wallets {
			ch, err := h.Join(w)
			require.NoError(tb, err)
			channels = append(channels, ch)
		}
	})
	runtime.KeepAlive(channels)
	return u
}

// The goal is 2 goroutines and 20 kB per wallet beyond pubsub's own, where the reference client needs 34 and 124. There is no goroutine for a
// wallet at all: what two hosts differ by has nothing to do with how many there are.
func TestSection8FiveHundredWalletsCostLittle(t *testing.T) {
	wallets := wallets500(t)
	theirs := pubsubAlone(t, wallets)
	all := ours(t, wallets)
	t.Logf("pubsub alone: %s per wallet; node: %s", theirs.per(len(wallets)), all.per(len(wallets)))
	require.Less(t, all.goroutines-theirs.goroutines, len(wallets)/10)
	require.Less(t, all.bytes, theirs.bytes+uint64(20_000*len(wallets)))
}

// go test ./net -run '^$' -bench Join500 -benchtime 1x
func BenchmarkJoin500(b *testing.B) {
	wallets := wallets500(b)
	for b.Loop() {
		theirs, all := pubsubAlone(b, wallets), ours(b, wallets)
		n := float64(len(wallets))
		b.ReportMetric(float64(all.goroutines-theirs.goroutines)/n, "goroutines/wallet")
		b.ReportMetric((float64(all.bytes)-float64(theirs.bytes))/n, "bytes/wallet")
	}
}
