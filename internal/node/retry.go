package node

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// RetryAction implements api.Live: the log makes the action pending again, under the wallet's fence where there are siblings, and
// the dispatcher takes it up.
func (n *Node) RetryAction(ctx context.Context, wallet chain.WalletID, window chain.Height) error {
	retry := n.store.RetryAction
	if n.sharing.siblings != nil {
		retry = n.store.Under(n.sharing.siblings.custody.fence).RetryAction
	}
	order, err := retry(ctx, wallet, window, n.chain.clock.Height())
	if err != nil {
		return err
	}
	n.windows.dispatcher.Retry(order)
	return nil
}
