package node

import (
	"time"

	"github.com/walletnode/walletnode/internal/metrics"
)

// Fleet implements metrics.Instances. It is asked only where the database is shared.
func (s *sharing) Fleet() metrics.Fleet {
	seen := s.lists.watch.LastSeen()
	if seen.IsZero() {
		seen = s.cfg.StartedAt // an age of zero would look like health
	}
	fleet := metrics.Fleet{
		States: make(map[string]int), Halted: len(s.lists.halts.ids()), Bans: len(s.lists.bans.all()), Age: time.Since(seen),
		Alarms: s.siblings.alarms.Load(),
	}
	list := s.Instances()
	fleet.Unowned = list.Unowned
	for _, i := range list.Instances {
		fleet.States[i.State]++
		if i.Self {
			fleet.Lease = time.Duration(i.LeaseMS) * time.Millisecond
		}
	}
	for _, wallet := range s.cfg.Members.ids() {
		if s.siblings.custody.Serves(wallet) {
			fleet.Served++
		}
	}
	return fleet
}
