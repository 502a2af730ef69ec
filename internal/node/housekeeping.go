package node

import (
	"context"

	"github.com/walletnode/walletnode/coordination"
)

// pruneDelay is how many blocks after a window's end old records are deleted: when the actions of that window have begun
// and the store has nothing else to do.
const pruneDelay = 100

// keepHouse deletes what the retention no longer keeps, once per window, until ctx ends.
func (n *Node) keepHouse(ctx context.Context) error {
	schedule := coordination.RFC12()
	due := schedule.Next(n.chain.clock.Height()).End + pruneDelay
	for n.chain.clock.Until(ctx, due) == nil {
		height := n.chain.clock.Height()
		if err := n.store.Prune(ctx, height); err != nil && ctx.Err() == nil {
			n.cfg.Logger("store").Error("Could not delete old records; it is tried again after the next window", "error", err)
		}
		due = schedule.Next(height).End + pruneDelay
	}
	return nil
}
