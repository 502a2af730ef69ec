package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// instanceStates returns the keys of Fleet.States.
func instanceStates() []string {
	return []string{"serving", "idle", "standby", "ill", "draining", "dead"}
}

// Instances is what an instance knows of the operator's instances; *node.Node has it.
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
	source Instances

	served, lease, instances, unowned, halted, bans, age, alarms *prometheus.Desc
}

func newFleet(source Instances) *fleet {
	return &fleet{
		source:    source,
		served:    describe("wallets_served", "Wallets that this instance serves now."),
		lease:     describe("lease_seconds", "What is left of this instance's lease; 0 if it has none and serves nothing."),
		instances: describe("instances", "Instances of the operator by their state, this one included, as this one sees them.", "state"),
		unowned:   describe("wallets_unowned", "Active wallets that no instance serves."),
		halted:    describe("wallets_halted", "Wallets that are stopped on all instances until a person resumes them."),
		bans:      describe("bans", "Operators and peers that are kept away by the shared list."),
		age:       describe("shared_age_seconds", "Time since the shared database last answered this instance."),
		alarms:    describe("alarms_total", "Times somebody else spoke in this operator's name, or what was sent was not what the database has."),
	}
}

// Describe implements prometheus.Collector.
func (f *fleet) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.served, f.lease, f.instances, f.unowned, f.halted, f.bans, f.age, f.alarms} {
		ch <- d
	}
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
