package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/proposal"
)

// tally is a counter for each value of a closed list, all made beforehand: an alert on a rate needs the zero from which
// it rises, and nothing that comes later can add a series. What is not on the list is not counted; the store refuses
// to record it, so nothing that is reported carries it.
type tally[T ~string] map[T]prometheus.Counter

// count makes a tally of a vector with one label left.
func count[T ~string](vec *prometheus.CounterVec, values []T) tally[T] {
	t := make(tally[T], len(values))
	for _, v := range values {
		t[v] = vec.WithLabelValues(string(v))
	}
	return t
}

func (t tally[T]) add(value T, n uint64) {
	if c, ok := t[value]; ok {
		c.Add(float64(n))
	}
}

// missable are the reasons of coordination.Missed.
var missable = []coordination.Reason{
	coordination.ReasonNodeDown, coordination.ReasonChainStalled, coordination.ReasonLateStart, coordination.ReasonNoQuorum,
	coordination.ReasonStoreFailed,
}

// turn is how it went when it was this operator's turn to lead.
type turn string

const (
	turnProposed turn = "proposed" // an action was proposed
	turnNoop     turn = "noop"     // there was nothing to do, and that was proposed
	turnFailed   turn = "failed"   // nothing was sent, nobody heard it, or what was due could not be generated
)

var turns = []turn{turnProposed, turnNoop, turnFailed}

// turnOf tells a leader's turn from the reason its window ended with.
func turnOf(reason coordination.Reason) turn {
	switch reason {
	case coordination.ReasonOK:
		return turnProposed
	case coordination.ReasonNoop:
		return turnNoop
	default:
		return turnFailed
	}
}

// effect is what an amendment did.
type effect string

const (
	effectFault      effect = "fault"      // a fault was appended
	effectLate       effect = "late"       // an idle leader's message arrived after all
	effectRevocation effect = "revocation" // a fault was appended, and the window's action is not carried out
)

var effects = []effect{effectFault, effectLate, effectRevocation}

// kind is the name of a proposal.Kind.
type kind string

func kinds() []kind {
	var all []kind
	for _, k := range proposal.Kinds() {
		all = append(all, kind(k.String()))
	}
	return all
}
