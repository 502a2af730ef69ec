package node

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/metrics"
	"github.com/walletnode/walletnode/proposal/action"
)

// windows are the boxes of the drawing through which a window passes, and what is counted on the way. Their fields do not change once the
// node is assembled.
type windows struct {
	watcher    *coordination.Watcher
	layer      *coordination.Layer
	processor  *coordination.Processor
	dispatcher *action.Dispatcher
	metrics    *metrics.Recorder
	observer   func(coordination.Report) // of the configuration
}

// run runs the boxes until ctx ends. What it returns is closed once the last results are stored.
func (w *windows) run(ctx context.Context, g *errgroup.Group) (written <-chan struct{}) {
	reports := make(chan coordination.Report)
	g.Go(func() error { return w.watcher.Run(ctx, w.open) })
	g.Go(func() error { return w.layer.Run(ctx, reports) })
	stored := make(chan struct{})
	g.Go(func() error {
		defer close(stored)
		return w.processor.Run(ctx, reports)
	})
	g.Go(func() error { return w.dispatcher.Run(ctx) })
	return stored
}

// open hands a window over to the wallets, and counts it unless it was over before this node started.
func (w *windows) open(o coordination.Opened) {
	if !o.Over {
		w.metrics.Opened(o)
	}
	w.layer.Open(o)
}

// observe tells who wants to know of a report that it is stored.
func (w *windows) observe(r coordination.Report) {
	w.metrics.Observe(r)
	w.observer(r)
}
