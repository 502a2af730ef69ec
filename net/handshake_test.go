package net

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/wire"
)

// Nodes of other makes have their operator's key as their identity. Whichever handshake they speak, both sides read the other's key as
// ours, and accept what the other signs with it; another identity than the one that was dialed is refused.
func TestIdentitiesWithAnOperatorsKeyShakeHands(t *testing.T) {
	for name, c := range map[string]struct {
		listen  string
		options []libp2p.Option
	}{
		"tls":   {"/ip4/127.0.0.1/tcp/0", []libp2p.Option{libp2p.Security(libp2ptls.ID, libp2ptls.New), libp2p.Transport(tcp.NewTCPTransport)}},
		"noise": {"/ip4/127.0.0.1/tcp/0", []libp2p.Option{libp2p.Security(noise.ID, noise.New), libp2p.Transport(tcp.NewTCPTransport)}},
		"quic":  {"/ip4/127.0.0.1/udp/0/quic-v1", []libp2p.Option{libp2p.Transport(libp2pquic.NewTransport)}},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(n byte, listening libp2p.Option) host.Host {
				identity := libp2p.Identity((*crypto.Secp256k1PrivateKey)(operatorKey(n)))
				h, err := libp2p.New(append([]libp2p.Option{identity, listening, libp2p.DisableRelay(), libp2p.DisableMetrics()}, c.options...)...)
				require.NoError(t, err)
				t.Cleanup(func() { require.NoError(t, h.Close()) })
				return h
			}
			listener, dialer := open(1, libp2p.ListenAddrStrings(c.listen)), open(2, libp2p.NoListenAddrs)
			require.NoError(t, dialer.Connect(t.Context(), peer.AddrInfo{ID: listener.ID(), Addrs: listener.Addrs()}))
			require.Eventually(t, func() bool { return len(listener.Network().ConnsToPeer(dialer.ID())) > 0 }, time.Minute, 10*time.Millisecond)
			for n, key := range map[byte]crypto.PubKey{
				1: dialer.Network().ConnsToPeer(listener.ID())[0].RemotePublicKey(),
				2: listener.Network().ConnsToPeer(dialer.ID())[0].RemotePublicKey(),
			} {
				require.Equal(t, secp256k1Key(wire.PublicKeyOf(operatorKey(n))), key)
			}

			other := peer.ID(wire.PublicKeyOf(operatorKey(3)).PeerID())
			err := open(4, libp2p.NoListenAddrs).Connect(t.Context(), peer.AddrInfo{ID: other, Addrs: listener.Addrs()})
			require.ErrorContains(t, err, "peer id mismatch")
		})
	}
}
