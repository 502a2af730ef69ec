package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// attemptLengths are the bounds of how long an attempt to sign takes, in blocks: a good one is over within a few, and one that
// waits for somebody lasts until its time is over.
var attemptLengths = []float64{0, 1, 2, 3, 4, 6, 8, 11, 15, 20, 28, 37, 50}

// attemptResults are the values of an attempt's result.
var attemptResults = []signing.Result{
	signing.ResultSigned, signing.ResultTooFew, signing.ResultNoList, signing.ResultSilent, signing.ResultCheated, signing.ResultUnsound, signing.ResultBackend,
}

// attempts are the metrics of attempts to sign.
type attempts struct {
	ended    tally[signing.Result]
	took     prometheus.Histogram
	absent   prometheus.Counter
	inactive prometheus.Counter
}

func (r *Recorder) newAttempts() {
	r.attempts = &attempts{
		ended: count(r.counters("signing_attempts_total", "Attempts to sign that ended; actions show has who was absent or cheated.", "result"), attemptResults),
		took:  r.histogram("signing_attempt_blocks", attemptLengths, "Blocks from an attempt's begin at this node to its end."),
		absent: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: prefix, Name: "signing_absences_total",
			Help: "Operators who did not announce themselves in an attempt, summed over those attempts that were followed from their beginning.",
		}),
		inactive: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: prefix, Name: "inactivity_findings_total",
			Help: "Times operators were recorded as absent from several poor heartbeats of a wallet in a row; actions show names them.",
		}),
	}
	r.registry.MustRegister(r.attempts.absent, r.attempts.inactive)
}

// Attempted counts an attempt to sign that ended; it is what signing.Config.Observe calls. It does nothing where the node has no
// signers.
func (r *Recorder) Attempted(_ proposal.Order, a signing.Attempt) {
	if r.attempts == nil {
		return
	}
	r.attempts.ended.add(a.Result, 1)
	r.attempts.took.Observe(after(a.Begun, a.Ended))
	if a.Whole {
		r.attempts.absent.Add(float64(len(a.Absent)))
	}
}

// Inactive counts a finding of inactive operators that was recorded. It does nothing where the node has no signers.
func (r *Recorder) Inactive() {
	if r.attempts != nil {
		r.attempts.inactive.Inc()
	}
}
