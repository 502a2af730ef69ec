package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// starting is a node that is being put together: its state is all it can tell.
type starting struct{}

// Condition implements Node.
func (starting) Condition() Condition { return Condition{State: States()[0], Pending: -1, Overdue: -1} }

// newStarting makes a Recorder of what there is to tell before there is a node. Nothing is counted yet: a series that is
// absent for a moment is not taken for one that began anew.
func newStarting() *Recorder {
	r := &Recorder{registry: prometheus.NewRegistry()}
	r.registry.MustRegister(newCondition(starting{}))
	r.registerProcess()
	return r
}

// registerProcess adds what any program tells of itself.
func (r *Recorder) registerProcess() {
	r.registry.MustRegister(
		buildInfo(debug.ReadBuildInfo()),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
}
