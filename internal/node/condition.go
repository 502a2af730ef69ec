package node

import (
	"context"
	"time"

	"github.com/walletnode/walletnode/internal/metrics"
)

// conditionTimeout bounds what a scrape waits for the store; a scraper gives up after 10 s as a rule.
const conditionTimeout = 4 * time.Second

// condition tells the metrics how the node fares.
type condition struct{ *Node }

// Condition implements metrics.Node.
func (c condition) Condition() metrics.Condition {
	ctx, cancel := context.WithTimeout(context.Background(), conditionTimeout) // a scrape brings no context
	defer cancel()
	r := c.Readiness(ctx)
	now := metrics.Condition{State: r.State, OK: make(map[string]bool, len(r.Checks)), Pending: -1, Overdue: -1}
	for _, check := range r.Checks {
		now.OK[check.Name] = check.OK
	}
	if orders, err := c.store.PendingActions(ctx); err == nil {
		now.Pending, now.Overdue = len(orders), 0
		height := c.chain.clock.Height()
		for _, o := range orders {
			if height >= o.Expiry {
				now.Overdue++
			}
		}
	}
	return now
}
