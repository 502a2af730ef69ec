package coordination

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/walletnode/walletnode/chain"
)

// LayerConfig is what a Layer needs; every field is required.
type LayerConfig struct {
	Schedule Schedule
	Clock    *chain.Clock
	Registry Registry
	Log      WindowLog
	// Executor returns the executor of a wallet, joining its channel if it is not joined yet.
	Executor func(chain.Wallet) (Executor, error)
	Logger   *slog.Logger
}

// Layer runs, per window, one executor for each wallet of the node, all at once, each at most one window at a time.
type Layer struct {
	cfg    LayerConfig
	opened chan Opened // Open sends, Run receives; unbuffered, because Run is always ready
	done   chan struct{}

	mu   sync.Mutex
	busy map[chain.WalletID]chan struct{} // of the wallets at work; closed when the wallet is free again
}

// NewLayer checks the configuration.
func NewLayer(cfg LayerConfig) (*Layer, error) {
	if cfg.Clock == nil || cfg.Registry == nil || cfg.Log == nil || cfg.Executor == nil || cfg.Logger == nil {
		return nil, errors.New("layer: a dependency is missing")
	}
	return &Layer{
		cfg:    cfg,
		opened: make(chan Opened),
		done:   make(chan struct{}),
		busy:   make(map[chain.WalletID]chan struct{}),
	}, nil
}

// Open hands a window over and returns at once: Run does nothing but receive and start goroutines. After Run has
// returned it does nothing.
func (l *Layer) Open(o Opened) {
	select {
	case l.opened <- o:
	case <-l.done:
	}
}

// Run takes windows from Open and sends each wallet's reports until ctx ends. It returns nil after every executor
// has returned. It is called once.
func (l *Layer) Run(ctx context.Context, reports chan<- Report) error {
	var running sync.WaitGroup
	defer running.Wait()
	defer close(l.done)
	for {
		select {
		case o := <-l.opened:
			w, ok := l.cfg.Schedule.Window(o.Block)
			if !ok {
				l.cfg.Logger.Error("Asked to open what is no window", "window", o.Block)
				continue
			}
			running.Go(func() { l.window(ctx, w, o.Over, reports) })
		case <-ctx.Done():
			return nil
		}
	}
}

// window runs every wallet that the registry holds now: one imported a second ago takes part.
func (l *Layer) window(ctx context.Context, w Window, over bool, reports chan<- Report) {
	log := l.cfg.Logger.With("window", w.Block)
	wallets, err := untilStored(ctx, log, "Could not read the wallets of this window", func() ([]chain.Wallet, error) {
		return l.cfg.Registry.Wallets(ctx)
	})
	if err != nil {
		return // ctx ended
	}
	log.Info("Window opened", "height", l.cfg.Clock.Height(), "wallets", len(wallets))
	var running sync.WaitGroup
	for _, wallet := range wallets {
		running.Go(func() { l.wallet(ctx, wallet, w, over, reports) })
	}
	running.Wait()
}

// wallet runs one wallet's executor for one window, from wherever an earlier run left off.
func (l *Layer) wallet(ctx context.Context, wallet chain.Wallet, w Window, over bool, reports chan<- Report) {
	id, height := wallet.ID(), l.cfg.Clock.Height()
	log := l.cfg.Logger.With("window", w.Block, "wallet", id)
	claimed, err := l.claim(ctx, id, w.ActiveEnd)
	if err != nil {
		return // ctx ended: the window was not begun, and may be after a restart
	}
	if !claimed {
		send(ctx, reports, Result{Wallet: id, Window: w, OpenedAt: height, Reason: ReasonBusy})
		return
	}
	defer l.release(id)
	progress := Progress{Finished: true} // a window that is over is only taken up for what was heard in it
	if !over {
		if progress, err = l.begin(ctx, log, id, w, height, reports); err != nil {
			return // ctx ended
		}
	}
	executor, err := l.cfg.Executor(wallet)
	if err != nil {
		log.Error("Could not make the wallet's executor", "error", err)
		if !progress.Finished {
			send(ctx, reports, Result{Wallet: id, Window: w, OpenedAt: height, Reason: ReasonNoPeers, Detail: err.Error()})
		}
		return
	}
	if progress.Finished {
		executor.Linger(ctx, w, reports)
		return
	}
	executor.Coordinate(ctx, w, progress.OpenedAt, reports)
}

// begin records the wallet's part in the window. After the active phase it is too late for a wallet that was not there
// before, whatever kept us: it has a result all the same.
func (l *Layer) begin(ctx context.Context, log *slog.Logger, id chain.WalletID, w Window, height chain.Height, reports chan<- Report) (Progress, error) {
	progress, err := untilStored(ctx, log, "Could not record the wallet's part in this window", func() (Progress, error) {
		return l.cfg.Log.Begin(ctx, id, w, height)
	})
	if err == nil && !progress.Finished && height >= w.ActiveEnd {
		send(ctx, reports, Result{Wallet: id, Window: w, OpenedAt: height, Reason: ReasonLateStart})
		progress.Finished = true
	}
	return progress, err
}

// claim takes the wallet's one slot. It waits for an earlier window that is about to leave it, as after heads that
// jumped, but not past the active phase; false if the slot is still held then. Its only error is the context's.
func (l *Layer) claim(ctx context.Context, id chain.WalletID, activeEnd chain.Height) (bool, error) {
	for {
		changed := l.cfg.Clock.Changed()
		l.mu.Lock()
		free := l.busy[id]
		if free == nil {
			l.busy[id] = make(chan struct{})
		}
		l.mu.Unlock()
		if free == nil {
			return true, nil
		}
		if l.cfg.Clock.Height() >= activeEnd {
			return false, nil
		}
		select {
		case <-free:
		case <-changed:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

func (l *Layer) release(id chain.WalletID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.busy[id])
	delete(l.busy, id)
}

// send delivers a report unless ctx ends first.
func send(ctx context.Context, reports chan<- Report, r Report) {
	select {
	case reports <- r:
	case <-ctx.Done():
	}
}

// storeRetry bounds the pause between two tries of a store operation. A store that fails is everybody's trouble:
// waiting loses nothing, going on without it would.
const storeRetry = 10 * time.Second

// untilStored repeats a store operation until it succeeds; an error says that ctx ended first.
func untilStored[T any](ctx context.Context, log *slog.Logger, complaint string, op func() (T, error)) (T, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = storeRetry
	return backoff.Retry(ctx, op,
		backoff.WithBackOff(pauses),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, next time.Duration) {
			log.Error(complaint, "error", err, "next_try_in", next)
		}))
}
