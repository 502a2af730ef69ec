package node

import (
	"crypto/sha256"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/executor"
	"github.com/walletnode/walletnode/net"
	"github.com/walletnode/walletnode/proposal"
)

// inspect tells the network what it must know of a coordination message; it is a net.Inspector.
func inspect(payload []byte) (net.Slot, error) {
	m, err := proposal.ReadHeading(payload)
	if err != nil {
		return net.Slot{}, err
	}
	return net.Slot{Wallet: m.Wallet, Window: m.Block, Seat: m.Sender, Digest: m.Digest}, nil
}

// paramsDigest is the digest of everything two nodes must agree on before they can judge each other: the chain, the
// schedule, and how leader and checklist are drawn. Nodes exchange it when they connect.
func paramsDigest(chainID uint64, genesis chain.Hash) [32]byte {
	s := coordination.RFC12()
	return sha256.Sum256(fmt.Appendf(nil, "walletnode parameters 1\nchain %d %s\nfrequency %d active %d passive %d shift %d\n%s\n",
		chainID, genesis, s.Frequency, s.Active, s.Passive, s.SafeShift, executor.Rules()))
}
