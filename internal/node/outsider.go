package node

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/net"
)

// Terms completes a network configuration with what every node of one chain must agree on. It is for hosts on the
// same network that no node is built around: the devnet's actors.
func Terms(cfg net.Config, chainID uint64, genesis chain.Hash) net.Config {
	schedule := coordination.RFC12()
	cfg.Params = paramsDigest(chainID, genesis)
	cfg.Schedule = net.Schedule{Frequency: schedule.Frequency, Duration: schedule.Active + schedule.Passive}
	return cfg
}

// Inspect is the node's net.Inspector: it reads the slot of a coordination message.
func Inspect(payload []byte) (net.Slot, error) { return inspect(payload) }
