package coordination

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"slices"
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
	// Custody says which wallets are this instance's; Alone if it has no siblings.
	Custody Custody
	// Executor returns the executor of a wallet, joining its channel if it is not joined yet.
	Executor func(chain.Wallet) (Executor, error)
	Logger   *slog.Logger
}

// Layer runs, per window, one executor for each wallet that this instance serves, all at once, each at most one window at a
// time and only while the wallet's term lasts.
type Layer struct {
	cfg    LayerConfig
	opened chan Opened // Open sends, Run receives; unbuffered, because Run is always ready
	done   chan struct{}

	mu   sync.Mutex
	busy map[chain.WalletID]chan struct{} // of the wallets at work; closed when the wallet is free again
	live map[chain.Height]chan struct{}   // of the windows that are run here; closed when their time is over
}

// NewLayer checks the configuration.
func NewLayer(cfg LayerConfig) (*Layer, error) {
	if cfg.Clock == nil || cfg.Registry == nil || cfg.Log == nil || cfg.Custody == nil || cfg.Executor == nil || cfg.Logger == nil {
		return nil, errors.New("layer: a dependency is missing")
	}
	return &Layer{
		cfg:    cfg,
		opened: make(chan Opened),
		done:   make(chan struct{}),
		busy:   make(map[chain.WalletID]chan struct{}),
		live:   make(map[chain.Height]chan struct{}),
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
	running.Go(func() { l.inherit(ctx, reports) })
	for {
		select {
		case o := <-l.opened:
			w, ok := l.cfg.Schedule.Window(o.Block)
			if !ok {
				l.cfg.Logger.Error("Asked to open what is no window", "window", o.Block)
				continue
			}
			over := l.enter(w) // here, so that nobody takes the window for one that is not run
			running.Go(func() {
				defer over()
				l.window(ctx, w, o.Over, reports)
			})
		case <-ctx.Done():
			return nil
		}
	}
}

// takeUpGrace is for how many blocks after its end a window is still taken up by who becomes responsible for a wallet, to
// report what the owner before had written down and may not have reported: 20 minutes, and far from the next window.
const takeUpGrace chain.Height = 100

// window runs every wallet that the registry holds now: one imported a second ago takes part. It does so again whenever
// wallets have changed hands, until the window is over and the grace after it.
func (l *Layer) window(ctx context.Context, w Window, over bool, reports chan<- Report) {
	log := l.cfg.Logger.With("window", w.Block)
	lasting, end := l.until(ctx, max(w.End, l.cfg.Clock.Height())+takeUpGrace)
	defer end()
	var running sync.WaitGroup
	defer running.Wait()
	started := make(map[chain.WalletID]bool)
	for first := true; ; first = false {
		changed := l.cfg.Custody.Changed()
		wallets, err := untilStored(ctx, log, "Could not read the wallets of this window", func() ([]chain.Wallet, error) {
			return l.cfg.Registry.Wallets(ctx)
		})
		if err != nil {
			return // ctx ended
		}
		if first {
			log.Info("Window opened", "height", l.cfg.Clock.Height(), "wallets", len(wallets))
		}
		for _, wallet := range wallets {
			if started[wallet.ID()] {
				continue
			}
			started[wallet.ID()] = true
			t := turn{wallet: wallet, window: w, log: log.With("wallet", wallet.ID()), over: over, joined: !first}
			running.Go(func() { l.wallet(ctx, lasting, t, reports) })
		}
		if changed == nil {
			return // nothing ever changes hands
		}
		select {
		case <-changed:
		case <-lasting.Done():
			return
		}
	}
}

// turn is one wallet's part in one window.
type turn struct {
	wallet chain.Wallet
	window Window
	log    *slog.Logger
	over   bool // the window had ended before it was taken up
	joined bool // the wallet came to be ours while the window was run
}

// late reports whether the wallet need not have been there in the active phase, which is over at this height: whether it
// has a part in the window, only a log that has the part open knows.
func (t turn) late(height chain.Height) bool {
	return t.over || t.joined && height >= t.window.ActiveEnd
}

// wallet plays a wallet's part in a window, once in each term that begins before the window's time is over. Who comes later
// finds what is left open in the log.
func (l *Layer) wallet(ctx, lasting context.Context, t turn, reports chan<- Report) {
	var done Term // under which the part was played to its end
	for {
		changed, moved := l.cfg.Custody.Changed(), l.cfg.Clock.Changed()
		term := l.cfg.Custody.Term(t.wallet.ID())
		if term != 0 && term != done && l.serve(ctx, term, t, reports) {
			done = term
		}
		if changed == nil {
			return
		}
		if term == 0 || term == done {
			moved = nil
		}
		select {
		case <-changed:
		case <-moved: // the log refused us though our term seems to last: it may have been for a moment
		case <-lasting.Done():
			return
		}
	}
}

// serve plays a wallet's part in a window, from wherever it was left, while the term lasts. It reports whether there is
// nothing left to do under this term.
func (l *Layer) serve(ctx context.Context, term Term, t turn, reports chan<- Report) bool {
	held, end := l.hold(ctx, t.wallet.ID(), term)
	defer end()
	id, w, height := t.wallet.ID(), t.window, l.cfg.Clock.Height()
	limit := w.ActiveEnd
	if t.late(height) {
		limit = math.MaxUint64 // what was left open is not missed by waiting a little longer
	}
	claimed, err := l.claim(held, id, limit)
	if err != nil {
		return false // held ended: the window was not begun, and may be after a restart or by another instance
	}
	if !claimed {
		return send(held, reports, Result{Wallet: id, Window: w, OpenedAt: height, Reason: ReasonBusy})
	}
	defer l.release(id)
	progress, err := l.begin(held, t, height, reports)
	if err != nil {
		return false // held ended, or the log knows of another owner
	}
	executor, err := l.cfg.Executor(t.wallet)
	switch {
	case err != nil:
		t.log.Error("Could not make the wallet's executor", "error", err)
		if !progress.Finished {
			send(held, reports, Result{Wallet: id, Window: w, OpenedAt: height, Reason: ReasonNoPeers, Detail: err.Error()})
		}
		return held.Err() == nil
	case progress.Finished:
		executor.Linger(held, w, reports)
	default:
		executor.Coordinate(held, w, progress.OpenedAt, reports)
	}
	return held.Err() == nil && l.cfg.Clock.Height() >= w.End // one that returned sooner was refused by its journal
}

// begin records the wallet's part in the window. After the active phase it is too late for a wallet that was not there
// before, whatever kept us: it has a result all the same. What was begun in time is judged, however late.
func (l *Layer) begin(ctx context.Context, t turn, height chain.Height, reports chan<- Report) (Progress, error) {
	id, w := t.wallet.ID(), t.window
	if t.late(height) {
		open, err := l.openRows(ctx, t.log, id)
		if err != nil || !slices.Contains(open, w.Block) {
			return Progress{Finished: true}, err
		}
	}
	progress, err := untilStored(ctx, t.log, "Could not record the wallet's part in this window", func() (Progress, error) {
		return l.cfg.Log.Begin(ctx, id, w, height)
	})
	if err == nil && !progress.Finished && progress.OpenedAt >= w.ActiveEnd {
		reason := ReasonLateStart
		if t.late(height) {
			reason = ReasonNodeDown
		}
		send(ctx, reports, Result{Wallet: id, Window: w, OpenedAt: progress.OpenedAt, Reason: reason})
		progress.Finished = true
	}
	return progress, err
}

func (l *Layer) openRows(ctx context.Context, log *slog.Logger, id chain.WalletID) ([]chain.Height, error) {
	return untilStored(ctx, log, "Could not read the windows that are open", func() ([]chain.Height, error) {
		return l.cfg.Log.OpenRows(ctx, id)
	})
}

// claim takes the wallet's one slot. It waits for an earlier window that is about to leave it, as after heads that
// jumped, but not past limit; false if the slot is still held then. Its only error is the context's.
func (l *Layer) claim(ctx context.Context, id chain.WalletID, limit chain.Height) (bool, error) {
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
		if l.cfg.Clock.Height() >= limit {
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

// send delivers a report; false if ctx ended first.
func send(ctx context.Context, reports chan<- Report, r Report) bool {
	select {
	case reports <- r:
		return true
	case <-ctx.Done():
		return false
	}
}

// storeRetry bounds the pause between two tries of a store operation. A store that fails is everybody's trouble:
// waiting loses nothing, going on without it would.
const storeRetry = 10 * time.Second

// untilStored repeats a store operation until it succeeds. An error says that ctx ended first, or that another instance is
// responsible (chain.ErrNotServed): what we have to say is then that one's to find out.
func untilStored[T any](ctx context.Context, log *slog.Logger, complaint string, op func() (T, error)) (T, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = storeRetry
	return backoff.Retry(ctx,
		func() (T, error) {
			done, err := op()
			if errors.Is(err, chain.ErrNotServed) {
				log.Debug(complaint, "error", err)
				err = backoff.Permanent(err)
			}
			return done, err
		},
		backoff.WithBackOff(pauses),
		backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, next time.Duration) {
			log.Error(complaint, "error", err, "next_try_in", next)
		}))
}
