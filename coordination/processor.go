package coordination

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
)

// lastWrite bounds the write that is under way when the node is told to stop. It outlives the context: a result that
// was taken from the channel is nobody else's any more. A store gives one try up after 5 s, and this leaves room for
// three.
const lastWrite = 15 * time.Second

// ProcessorConfig is what a Processor needs; every field is required.
type ProcessorConfig struct {
	Log        ResultLog
	Dispatcher Dispatcher
	Logger     *slog.Logger
	// Observe is told each report once it is stored: metrics, a devnet's screen. It must return at once, and is called
	// from several goroutines, for one wallet from one at a time.
	Observe func(Report)
}

// Processor stores what the executors report and hands agreed proposals on. It waits for the store, never for a
// handler, and each wallet for itself: a report that the store does not take holds up its own wallet's only.
type Processor struct{ cfg ProcessorConfig }

// NewProcessor checks the configuration.
func NewProcessor(cfg ProcessorConfig) (*Processor, error) {
	if cfg.Log == nil || cfg.Dispatcher == nil || cfg.Logger == nil || cfg.Observe == nil {
		return nil, errors.New("processor: a dependency is missing")
	}
	return &Processor{cfg: cfg}, nil
}

// Run processes reports, those of one wallet in the order of their arrival, until ctx ends. It returns nil after what
// was taken from the channel is written, or the time for that is over.
func (p *Processor) Run(ctx context.Context, reports <-chan Report) error {
	// What was taken from the channel is nobody else's any more, so it is written even if the node is told to stop
	// meanwhile. Only a store that keeps failing ends that: the window is still open in the log, and is resumed or
	// finished at the next start.
	write, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	lanes := lanes{waiting: make(map[chain.WalletID][]Report)}
	defer lanes.running.Wait()
	for {
		select {
		case r := <-reports:
			lanes.put(r, func(r Report) { p.process(write, r) })
		case <-ctx.Done():
			stop := time.AfterFunc(lastWrite, cancel)
			lanes.running.Wait()
			stop.Stop()
			return nil
		}
	}
}

// lanes processes reports one after another per wallet, and the wallets beside each other. A wallet reports a handful of
// times per window, so what waits behind a store that fails is bounded by how long it fails.
type lanes struct {
	running sync.WaitGroup

	mu      sync.Mutex
	waiting map[chain.WalletID][]Report // a wallet with an entry has a goroutine
}

func (l *lanes) put(r Report, process func(Report)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := r.wallet()
	queue, busy := l.waiting[id]
	l.waiting[id] = append(queue, r)
	if !busy {
		l.running.Go(func() {
			for r, ok := l.next(id); ok; r, ok = l.next(id) {
				process(r)
			}
		})
	}
}

// next takes the wallet's oldest report; with none left the wallet's goroutine ends.
func (l *lanes) next(id chain.WalletID) (Report, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.waiting[id]
	if len(queue) == 0 {
		delete(l.waiting, id)
		return nil, false
	}
	l.waiting[id] = queue[1:]
	return queue[0], true
}

func (p *Processor) process(ctx context.Context, r Report) {
	switch r := r.(type) {
	case Result:
		p.result(ctx, r)
	case Amendment:
		p.amendment(ctx, r)
	}
}

// result stores a result with its faults and its order, then dispatches the order.
func (p *Processor) result(ctx context.Context, r Result) {
	log := p.cfg.Logger.With("window", r.Window.Block, "wallet", r.Wallet)
	tries := 0
	first, err := untilStored(ctx, log, "Could not store a result", func() (bool, error) {
		tries++
		return p.cfg.Log.RecordResult(ctx, r)
	})
	order, acts := r.Order()
	if err == nil && !first && acts && tries > 1 {
		p.cfg.Dispatcher.Reread() // a try before this one may have been stored, though its answer was lost
	}
	if err != nil || !first {
		return
	}
	log.Info("Window ended", "reason", r.Reason, "role", r.Role, "leader", r.Leader, "action", actionName(r),
		"received_block", r.ReceivedAt, "faults", len(r.Faults), "detail", r.Detail)
	for _, f := range r.Faults {
		warn(log, f)
	}
	if acts {
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
