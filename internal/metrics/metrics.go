// Package metrics counts what a node does and shows it in Prometheus's text form. Every label takes its values from a
// closed list of the code, or from the configured chain endpoints, so that wallets, operators and windows that come along
// never add a series; who wants to know about one of those asks the store. How far in blocks something happened is a
// histogram: an average hides the one window that nearly failed.
//
//	metrics.go, tally.go, attempts.go                             what is counted as it happens: windows, faults, actions, attempts at signatures
//	live.go, condition.go, starting.go, build.go                  what is asked when a scraper asks: the node, and which program it is
//	endpoints.go, signers.go, instances.go, evidence.go, feed.go  the same of one part of the node each
//	serve.go, shown.go                                            how a scraper is answered
package metrics

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action"
)

// prefix begins the name of every metric of the node's own.
const prefix = "walletnode"

// distances are the histograms' upper bounds, in blocks after the window's begin. They are close together where a
// healthy window lies; the active phase ends with 80.
var distances = []float64{0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 37, 50, 70, 80}

// delays are the bounds of the time a write takes, in seconds: a flush is some milliseconds on a disk of today, and 2 s
// is where readiness gives the store up.
var delays = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5}

// lengths are the bounds of how long a window takes from its opening to its result, in seconds. The 80 blocks of the active
// phase are 960 s if no slot stays empty; each that does adds 12 s.
var lengths = []float64{1, 10, 60, 300, 600, 900, 930, 960, 975, 990, 1020, 1080, 1200, 1500, 1800}

// actionTimes are the bounds of how long an action takes, in seconds: a signature is some seconds of work, and its time is
// over after 300 blocks, an hour.
var actionTimes = []float64{0.1, 1, 5, 15, 30, 60, 120, 300, 600, 1200, 2400, 3600}

// Recorder counts what it is told and reads the rest from its sources when it is scraped. Its methods may be called
// from any goroutine and return at once, also during a scrape.
type Recorder struct {
	registry *prometheus.Registry

	windows    tally[coordination.Reason]
	missed     tally[coordination.Reason]
	turns      tally[turn]
	faults     map[bool]tally[faults.Kind] // by whether they are attributed
	amendments tally[effect]
	actions    map[proposal.Kind]tally[action.Outcome]
	agreed     tally[kind]

	opened, received, sent, coordinated, committed prometheus.Histogram
	actionTimes                                    map[proposal.Kind]prometheus.Histogram
	attempts                                       *attempts // nil of a node without signers

	begun atomic.Pointer[beginning] // of the newest window
}

// beginning is when this process opened a window.
type beginning struct {
	window chain.Height
	at     time.Time
}

// New makes a Recorder with every series at zero.
func New(sources Sources) *Recorder {
	r := &Recorder{registry: prometheus.NewRegistry()}
	r.windows = count(r.counters("windows_total",
		"Windows that ended in a result, once per wallet.", "reason"), coordination.Reasons())
	r.missed = count(r.counters("windows_missed_total",
		"Windows that were not opened in their active phase, once for all wallets.", "reason"), missable)
	r.turns = count(r.counters("leader_turns_total",
		"Windows in which this node's operator was a wallet's leader.", "outcome"), turns)
	found := r.counters("faults_total",
		"Faults that were recorded; those that are not attributed accuse nobody.", "kind", "attributed")
	r.faults = map[bool]tally[faults.Kind]{
		true:  count(found.MustCurryWith(prometheus.Labels{"attributed": "true"}), faults.Kinds()),
		false: count(found.MustCurryWith(prometheus.Labels{"attributed": "false"}), faults.Kinds()),
	}
	r.amendments = count(r.counters("amendments_total",
		"What was learned of windows after their result, in the passive phase.", "effect"), effects)
	r.newActions()
	r.agreed = count(r.counters("proposals_agreed_total",
		"Proposals that a window ended with, no-ops included, once per wallet.", "kind"), kinds())

	r.opened = r.histogram("window_open_blocks", distances, "Blocks from a window's begin until this node opened it, once per wallet.")
	r.received = r.histogram("proposal_receive_blocks", distances, "Blocks from a window's begin until the agreed proposal of another operator arrived.")
	r.sent = r.histogram("proposal_send_blocks", distances, "Blocks from a window's begin until this node as leader first sent its proposal.")
	r.coordinated = r.histogram("coordination_duration_seconds", lengths, "Time from a window's opening by this process until its result was stored, once per wallet; a resumed window counts from the restart.")
	r.committed = r.histogram("store_commit_seconds", delays, "Time to write one group of records to the disk, failed tries included.")

	if sources.Node != nil {
		r.registry.MustRegister(newCondition(sources.Node))
	}
	if sources.Endpoints != nil {
		r.registry.MustRegister(newEndpoints(sources.Endpoints))
	}
	if sources.Instances != nil {
		r.registry.MustRegister(newFleet(sources.Instances))
	}
	if sources.Signers != nil {
		r.registry.MustRegister(newSigners(sources.Signers))
		r.newAttempts()
	}
	if sources.Evidence != nil {
		r.registry.MustRegister(newAttestations(sources.Evidence))
	}
	if sources.Feed != nil {
		r.registry.MustRegister(newFeed(sources.Feed))
	}
	r.registry.MustRegister(newLive(sources))
	r.registerProcess()
	return r
}

// newActions makes the metrics of actions, each by the kind of what was agreed; a no-op has no action.
func (r *Recorder) newActions() {
	r.actions, r.actionTimes = map[proposal.Kind]tally[action.Outcome]{}, map[proposal.Kind]prometheus.Histogram{}
	ended := r.counters("actions_total", "Agreed actions that ended.", "kind", "outcome")
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: prefix, Name: "action_duration_seconds", Buckets: actionTimes,
		Help: "Time from an action's start, once its window had ended, to its outcome; those that were never begun are left out.",
	}, []string{"kind"})
	r.registry.MustRegister(took)
	for _, k := range proposal.Kinds() {
		if k != proposal.KindNoop {
			r.actions[k] = count(ended.MustCurryWith(prometheus.Labels{"kind": k.String()}), action.Outcomes())
			r.actionTimes[k] = took.WithLabelValues(k.String()).(prometheus.Histogram) //nolint:forcetypeassert // a vector of histograms
		}
	}
}

func (r *Recorder) counters(name, help string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: prefix, Name: name, Help: help}, labels)
	r.registry.MustRegister(vec)
	return vec
}

func (r *Recorder) histogram(name string, buckets []float64, help string) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: prefix, Name: name, Help: help, Buckets: buckets})
	r.registry.MustRegister(h)
	return h
}

// Observe counts a report; it is what a coordination.Processor calls once the report is stored.
func (r *Recorder) Observe(report coordination.Report) {
	switch report := report.(type) {
	case coordination.Result:
		r.result(report)
	case coordination.Amendment:
		r.amendment(report)
	}
}

// Opened takes that a window was opened.
func (r *Recorder) Opened(o coordination.Opened) { r.begun.Store(&beginning{o.Block, time.Now()}) }

func (r *Recorder) result(result coordination.Result) {
	begin := result.Window.Block
	if b := r.begun.Load(); b != nil && b.window == begin {
		r.coordinated.Observe(time.Since(b.at).Seconds())
	}
	r.windows.add(result.Reason, 1)
	r.opened.Observe(after(begin, result.OpenedAt))
	for _, f := range result.Faults {
		r.faults[f.Attributed].add(f.Kind, 1)
	}
	if result.Role == coordination.RoleLeader {
		r.turns.add(turnOf(result.Reason), 1)
	}
	if p := result.Proposal; p != nil && (result.Reason == coordination.ReasonOK || result.Reason == coordination.ReasonNoop) {
		r.agreed.add(kind(p.Kind().String()), 1)
	}
	switch {
	case result.ReceivedAt == 0: // nothing was agreed
	case result.Role == coordination.RoleLeader:
		r.sent.Observe(after(begin, result.ReceivedAt))
	default:
		r.received.Observe(after(begin, result.ReceivedAt))
	}
}

func (r *Recorder) amendment(a coordination.Amendment) {
	switch {
	case a.Fault.Late: // the idleness itself was counted with the result
		r.amendments.add(effectLate, 1)
		return
	case a.Revoke:
		r.amendments.add(effectRevocation, 1)
	default:
		r.amendments.add(effectFault, 1)
	}
	r.faults[a.Fault.Attributed].add(a.Fault.Kind, 1)
}

// Missed counts the windows of a range that was recorded as missed.
func (r *Recorder) Missed(m coordination.Missed) {
	r.missed.add(m.Reason, uint64((m.Last-m.First)/coordination.RFC12().Frequency)+1)
}

// ActionEnded counts an action whose outcome was recorded.
func (r *Recorder) ActionEnded(end action.Ended) {
	if end.Order.Proposal == nil {
		return
	}
	k := end.Order.Proposal.Kind()
	r.actions[k].add(end.Outcome, 1)
	if h := r.actionTimes[k]; h != nil && end.Begun {
		h.Observe(end.Took.Seconds())
	}
}

// Committed takes how long the store took to write one group of records.
func (r *Recorder) Committed(took time.Duration) { r.committed.Observe(took.Seconds()) }

// after is the distance from a window's begin to a height, in blocks. A message may arrive before our own head
// reaches the window: that is no distance.
func after(begin, height chain.Height) float64 { return float64(max(begin, height) - begin) }
