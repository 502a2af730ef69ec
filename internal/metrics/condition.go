package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// Node is what the node knows of itself.
type Node interface {
	// Condition is asked at each scrape. It may take a moment, as a try at the disk does, but has to end by itself.
	Condition() Condition
}

// States returns the values of Condition.State, in the order of a node's life.
func States() []string { return []string{"starting", "syncing", "active", "draining", "stopped"} }

// Checks returns the names of the checks of readiness.
func Checks() []string {
	return []string{"state", "chain_clock", "chain_endpoints", "store", "disk", "wallets", "peers", "lease", "journal", "halts"}
}

// severity says how much a failing check takes from the node: with a critical one it cannot do its work for some or all
// wallets now, a warning leaves time to act.
func severity(check string) string {
	if check == "disk" {
		return "warning"
	}
	return "critical"
}

// Condition is how the node fares at a moment.
type Condition struct {
	State string          // one of States
	OK    map[string]bool // of each of Checks; one that is absent is not ok
	// Pending are the agreed actions without an outcome, Overdue those of them whose last block has passed. Both are
	// negative if the store could not tell.
	Pending, Overdue int
}

// ready reports whether every check is ok.
func (c Condition) ready() bool {
	for _, name := range Checks() {
		if !c.OK[name] {
			return false
		}
	}
	return true
}

// condition is the collector of what a node says of itself.
type condition struct {
	shown
	node                                  Node
	state, ready, check, pending, overdue *prometheus.Desc
}

func newCondition(node Node) *condition {
	c := &condition{node: node}
	c.state = c.add("state", "1 for the state the node is in, 0 for the others.", "state")
	c.ready = c.add("ready", "1 if every check of readiness is ok: the node can do its work now.")
	c.check = c.add("health_check", "1 if the check of readiness is ok, 0 if it fails; a warning leaves time to act, with a critical check failing some work is not done.", "check", "severity")
	c.pending = c.add("actions_pending", "Agreed actions that have no outcome yet; absent if the store cannot be read.")
	c.overdue = c.add("actions_overdue", "Agreed actions that have no outcome although their last block has passed; absent if the store cannot be read.")
	return c
}

// Collect implements prometheus.Collector.
func (c *condition) Collect(ch chan<- prometheus.Metric) {
	now := c.node.Condition()
	for _, state := range States() {
		gauge(ch, c.state, truth(state == now.State), state)
	}
	gauge(ch, c.ready, truth(now.ready()))
	for _, name := range Checks() {
		gauge(ch, c.check, truth(now.OK[name]), name, severity(name))
	}
	if now.Pending >= 0 {
		gauge(ch, c.pending, float64(now.Pending))
		gauge(ch, c.overdue, float64(now.Overdue))
	}
}

// phases are the parts of the 900 blocks from one window's begin to the next.
var phases = []string{"active", "passive", "idle"}

// phaseAt returns the index of the newest window at a height, and the part of it; before the chain's first window
// there is no part.
func phaseAt(h chain.Height) (index uint64, phase string) {
	w, active := coordination.RFC12().At(h)
	switch {
	case w.Block == 0:
		return 0, ""
	case active:
		return w.Index, "active"
	case h < w.End:
		return w.Index, "passive"
	default:
		return w.Index, "idle"
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
