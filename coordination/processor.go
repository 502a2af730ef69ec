package coordination

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/faults"
)

// lastWrite bounds the write that is under way when the node is told to stop. It outlives the context: a result that
// was taken from the channel is nobody else's any more.
const lastWrite = 5 * time.Second

// ProcessorConfig is what a Processor needs; every field is required.
type ProcessorConfig struct {
	Log        ResultLog
	Dispatcher Dispatcher
	Logger     *slog.Logger
	// Observe is told each report once it is stored: metrics, a devnet's screen. It must return at once.
	Observe func(Report)
}

// Processor stores what the executors report and hands agreed proposals on. It waits for the store, never for a
// handler.
type Processor struct{ cfg ProcessorConfig }

// NewProcessor checks the configuration.
func NewProcessor(cfg ProcessorConfig) (*Processor, error) {
	if cfg.Log == nil || cfg.Dispatcher == nil || cfg.Logger == nil || cfg.Observe == nil {
		return nil, errors.New("processor: a dependency is missing")
	}
	return &Processor{cfg: cfg}, nil
}

// Run processes reports in the order of their arrival until ctx ends, and returns nil.
func (p *Processor) Run(ctx context.Context, reports <-chan Report) error {
	for {
		select {
		case r := <-reports:
			p.process(ctx, r)
		case <-ctx.Done():
			return nil
		}
	}
}

// process writes what was taken from the channel even if the node is told to stop meanwhile. Only a store that keeps
// failing ends it then: the window is still open in the log, and is resumed or finished at the next start.
func (p *Processor) process(ctx context.Context, r Report) {
	write, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(lastWrite, cancel) })
	defer stop()
	switch r := r.(type) {
	case Result:
		p.result(write, r)
	case Amendment:
		p.amendment(write, r)
	}
}

// result stores a result with its faults and its order, then dispatches the order.
func (p *Processor) result(ctx context.Context, r Result) {
	log := p.cfg.Logger.With("window", r.Window.Block, "wallet", r.Wallet)
	first, err := untilStored(ctx, log, "Could not store a result", func() (bool, error) {
		return p.cfg.Log.RecordResult(ctx, r)
	})
	if err != nil || !first {
		return
	}
	log.Info("Window ended", "reason", r.Reason, "role", r.Role, "leader", r.Leader, "action", actionName(r),
		"received_block", r.ReceivedAt, "faults", len(r.Faults), "detail", r.Detail)
	for _, f := range r.Faults {
		warn(log, f)
	}
	if order, ok := r.Order(); ok {
		p.cfg.Dispatcher.Dispatch(order)
	}
	p.cfg.Observe(r)
}

// amendment stores what was learned after a result, then stops the action if it must not go on.
func (p *Processor) amendment(ctx context.Context, a Amendment) {
	log := p.cfg.Logger.With("window", a.Window.Block, "wallet", a.Wallet)
	_, err := untilStored(ctx, log, "Could not store a late fault", func() (struct{}, error) {
		return struct{}{}, p.cfg.Log.RecordAmendment(ctx, a)
	})
	if err != nil {
		return
	}
	warn(log, a.Fault)
	if a.Revoke {
		p.cfg.Dispatcher.Revoke(a.Wallet, a.Window.Block)
	}
	p.cfg.Observe(a)
}

func warn(log *slog.Logger, f faults.Fault) {
	log.Warn("Fault", "kind", f.Kind, "culprit", f.Culprit, "attributed", f.Attributed, "late", f.Late, "detail", f.Detail)
}

func actionName(r Result) string {
	if r.Proposal == nil {
		return ""
	}
	return r.Proposal.Kind().String()
}
