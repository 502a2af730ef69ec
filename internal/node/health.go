package node

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// ill says what keeps the node from serving any wallet now, as far as chain and peers are concerned: it would lead into
// nothing, or accuse others of its own blindness.
func (n *Node) ill() []string {
	ill := n.chain.ill()
	if n.members.isolated() {
		ill = append(ill, "connected to no other operator")
	}
	return ill
}

// walletIDs returns the active wallets that the operator holds seats of.
func (n *Node) walletIDs(ctx context.Context) ([]chain.WalletID, error) {
	wallets, err := n.members.Wallets(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]chain.WalletID, len(wallets))
	for i, w := range wallets {
		ids[i] = w.ID()
	}
	return ids, nil
}
