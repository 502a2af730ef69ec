package node

import (
	"time"

	"github.com/walletnode/walletnode/internal/metrics"
)

// Fleet implements metrics.Instances. It is asked only where the database is shared.
func (n *Node) Fleet() metrics.Fleet {
	seen := n.lists.watch.LastSeen()
	if seen.IsZero() {
		seen = n.startedAt // an age of zero would look like health
	}
	fleet := metrics.Fleet{
		States: make(map[string]int), Halted: len(n.lists.halts.ids()), Bans: len(n.lists.bans.all()), Age: time.Since(seen),
		Alarms: n.siblings.alarms.Load(),
	}
	list := n.Instances()
	fleet.Unowned = list.Unowned
	for _, i := range list.Instances {
		fleet.States[i.State]++
		if i.Self {
			fleet.Lease = time.Duration(i.LeaseMS) * time.Millisecond
		}
	}
	for _, wallet := range n.members.ids() {
		if n.siblings.custody.Serves(wallet) {
			fleet.Served++
		}
	}
	return fleet
}
