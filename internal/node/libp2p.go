package node

import (
	"github.com/libp2p/go-libp2p/core/host"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/net"
)

// libp2pNetwork is a net.Host as a Network.
type libp2pNetwork struct{ *net.Host }

// Join implements Network.
func (l libp2pNetwork) Join(w chain.Wallet) (executor.Channel, error) {
	ch, err := l.Host.Join(w)
	if err != nil {
		return nil, err // not the nil *net.Channel, which as an interface would not be nil
	}
	return ch, nil
}

// libp2p makes the network of a node that stands on its own: a libp2p host that listens where cfg says.
func libp2p(cfg net.Config, deps net.Deps) (Network, error) {
	h, err := net.New(cfg, deps)
	if err != nil {
		return nil, err
	}
	return libp2pNetwork{h}, nil
}

// OnHost makes the network of a node on a libp2p host that exists, such as one of the mock network. The host stays the
// caller's.
func OnHost(h host.Host) func(net.Config, net.Deps) (Network, error) {
	return func(cfg net.Config, deps net.Deps) (Network, error) {
		h, err := net.NewWithHost(h, cfg, deps)
		if err != nil {
			return nil, err
		}
		return libp2pNetwork{h}, nil
	}
}
