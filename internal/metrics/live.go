package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/net"
)

// Sources are read at each scrape. The methods of Clock and Network must not block.
type Sources struct {
	Clock Clock
	// Network is nil where the node's network keeps no such books; its metrics are then missing.
	Network Network
	// Endpoints is nil where the node has one chain endpoint alone; its metrics are then missing.
	Endpoints Endpoints
	// Instances is nil where the node's database is its own; its metrics are then missing.
	Instances Instances
	// Signers is nil where the node has no signer backends; their metrics are then missing.
	Signers Signers
	// Evidence is nil where the node exchanges none with other operators; its metrics are then missing.
	Evidence Evidence
	// Feed is nil where the node has none; its metrics are then missing.
	Feed Feed
	// Node is nil where nobody knows how the node fares; its metrics are then missing.
	Node Node
}

// Clock is the node's chain clock; *chain.Clock is one.
type Clock interface {
	Head() chain.Head
	Stale() bool
}

// Network is what the node's network knows; *net.Host is one.
type Network interface {
	Peers() []net.PeerInfo
	Counters() net.Counters
}

// peerStates are the values of a peer's state.
var peerStates = []net.PeerState{net.PeerDisconnected, net.PeerWaiting, net.PeerAdmitted, net.PeerRefused}

// live is the collector of what is not counted here but read where it is kept.
type live struct {
	shown
	sources Sources
	started time.Time

	headBlock, headAge, stale                     *prometheus.Desc
	windowIndex, windowPhase                      *prometheus.Desc
	peers                                         *prometheus.Desc
	messages, queueFull, droppedRPCs, peersCutOff *prometheus.Desc
	joinFailures                                  *prometheus.Desc
}

func newLive(sources Sources) *live {
	l := &live{sources: sources, started: time.Now()}
	l.headBlock = l.add("head_block", "Height of the newest block; 0 before the first.")
	l.headAge = l.add("head_age_seconds", "Time since a new block was last received, or since the start if none was.")
	l.stale = l.add("clock_stale", "1 if the chain clock is too old to act on: the node neither leads nor accuses.")
	l.windowIndex = l.add("window_index", "Index of the newest window, which began at block 900 times this; 0 before the first block.")
	l.windowPhase = l.add("window_phase", "1 for the part of the newest window that the chain is in, 0 for the others.", "phase")
	l.peers = l.add("peers", "Known peers by where they stand with this node.", "state")
	l.messages = l.add("network_messages_total", "Messages on the wallets' channels by what became of them.", "fate")
	l.queueFull = l.add("network_queue_full_total", "Messages that were lost because the validation queue was full.")
	l.droppedRPCs = l.add("network_dropped_rpcs_total", "Pubsub RPCs that were dropped because their peer exceeded its limits.")
	l.joinFailures = l.add("peer_join_failures_total", "Times a peer was not admitted: there was no room (full), delegations could not be exchanged (exchange), it proved no operator in time (unproven), its operator holds no seat (no_seat), has too many instances here (instances), or it or its operator is banned (banned).", "reason")
	l.peersCutOff = l.add("network_peers_cut_off_total", "Times a peer was cut off for flooding.")
	return l
}

// Collect implements prometheus.Collector.
func (l *live) Collect(ch chan<- prometheus.Metric) {
	l.collectClock(ch)
	if l.sources.Network != nil {
		l.collectNetwork(ch)
	}
}

func (l *live) collectClock(ch chan<- prometheus.Metric) {
	head := l.sources.Clock.Head()
	since := head.ReceivedAt
	if since.IsZero() {
		since = l.started // an age of zero would look like health
	}
	gauge(ch, l.headBlock, float64(head.Height))
	gauge(ch, l.headAge, time.Since(since).Seconds())
	gauge(ch, l.stale, truth(l.sources.Clock.Stale()))
	index, now := phaseAt(head.Height)
	gauge(ch, l.windowIndex, float64(index))
	for _, phase := range phases {
		gauge(ch, l.windowPhase, truth(phase == now), phase)
	}
}

func (l *live) collectNetwork(ch chan<- prometheus.Metric) {
	in := map[net.PeerState]int{}
	for _, p := range l.sources.Network.Peers() {
		in[p.State]++
	}
	for _, state := range peerStates {
		gauge(ch, l.peers, float64(in[state]), string(state))
	}
	c := l.sources.Network.Counters()
	counter(ch, l.messages, c.Delivered, "delivered")
	counter(ch, l.messages, c.Copies, "copy")
	counter(ch, l.messages, c.Known, "known")
	counter(ch, l.messages, c.Ignored, "ignored")
	counter(ch, l.messages, c.Rejected, "rejected")
	counter(ch, l.messages, c.Banned, "banned")
	counter(ch, l.queueFull, c.QueueFull)
	counter(ch, l.droppedRPCs, c.DroppedRPCs)
	counter(ch, l.peersCutOff, c.CutOff)
	counter(ch, l.joinFailures, c.JoinFailures.Full, "full")
	counter(ch, l.joinFailures, c.JoinFailures.Exchange, "exchange")
	counter(ch, l.joinFailures, c.JoinFailures.Unproven, "unproven")
	counter(ch, l.joinFailures, c.JoinFailures.Seatless, "no_seat")
	counter(ch, l.joinFailures, c.JoinFailures.Instances, "instances")
	counter(ch, l.joinFailures, c.JoinFailures.Banned, "banned")
}

func gauge(ch chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(ch chan<- prometheus.Metric, d *prometheus.Desc, value uint64, labels ...string) {
	ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
}
