package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// instanceStates returns the keys of Fleet.States.
func instanceStates() []string {
	return []string{"serving", "idle", "standby", "ill", "draining", "dead"}
}

// Instances is what an instance knows of the operator's instances; a node has it.
type Instances interface {
	// Fleet is asked at each scrape and must not block.
	Fleet() Fleet
}

// Fleet is the operator's instances at a moment, as one of them sees them.
type Fleet struct {
	Served  int            // wallets that this instance serves
	Lease   time.Duration  // left of its own lease; 0 if it has none
	States  map[string]int // how many instances are in each of instanceStates, this one included
	Unowned int            // active wallets that nobody serves
	Halted  int            // wallets that are stopped on all instances
	Bans    int            // bans in force
	Age     time.Duration  // since the shared database last answered
	// Alarms counts, since the start, what should never be: somebody else's words in this operator's name, and proposals
	// that were sent although the database has others.
	Alarms uint64
}

// fleet is the collector of the operator's instances. The number of its series does not grow with them.
type fleet struct {
	shown
	source Instances

	served, lease, instances, unowned, halted, bans, age, alarms *prometheus.Desc
}

func newFleet(source Instances) *fleet {
	f := &fleet{source: source}
	f.served = f.add("wallets_served", "Wallets that this instance serves now.")
	f.lease = f.add("lease_seconds", "What is left of this instance's lease; 0 if it has none and serves nothing.")
	f.instances = f.add("instances", "Instances of the operator by their state, this one included, as this one sees them.", "state")
	f.unowned = f.add("wallets_unowned", "Active wallets that no instance serves.")
	f.halted = f.add("wallets_halted", "Wallets that are stopped on all instances until a person resumes them.")
	f.bans = f.add("bans", "Operators and peers that are kept away by the shared list.")
	f.age = f.add("shared_age_seconds", "Time since the shared database last answered this instance.")
	f.alarms = f.add("alarms_total", "Times somebody else spoke in this operator's name, or what was sent was not what the database has.")
	return f
}

// Collect implements prometheus.Collector.
func (f *fleet) Collect(ch chan<- prometheus.Metric) {
	now := f.source.Fleet()
	gauge(ch, f.served, float64(now.Served))
	gauge(ch, f.lease, now.Lease.Seconds())
	for _, state := range instanceStates() {
		gauge(ch, f.instances, float64(now.States[state]), state)
	}
	gauge(ch, f.unowned, float64(now.Unowned))
	gauge(ch, f.halted, float64(now.Halted))
	gauge(ch, f.bans, float64(now.Bans))
	gauge(ch, f.age, now.Age.Seconds())
	counter(ch, f.alarms, now.Alarms)
}
