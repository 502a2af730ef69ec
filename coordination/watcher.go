package coordination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// verifyTimeout bounds the header reads of one verification: at most 80 small calls. The clock goes on meanwhile,
// and any later height of the active phase serves as well.
const verifyTimeout = 15 * time.Second

// WatcherConfig is what a Watcher needs; every field is required. A Log that is a SharedLog is taken for one.
type WatcherConfig struct {
	Schedule Schedule
	Clock    *chain.Clock
	Headers  Headers
	Log      WindowLog
	Logger   *slog.Logger
}

// Watcher turns heights into windows (rule R1): each window is opened once, at any height of its active phase, and
// none is silently lost, also across restarts.
type Watcher struct {
	cfg    WatcherConfig
	shared SharedLog // the log, if siblings write into it; else nil

	// Owned by Run.
	last    Opened       // the last window accounted for
	started bool         // the first head of this run that could be verified was handled
	since   chain.Height // the lowest head of this run; before it the node was down
	trouble Reason       // why a window that was due could not be opened, for the record if it is missed
	woe     woe
}

// NewWatcher checks the configuration.
func NewWatcher(cfg WatcherConfig) (*Watcher, error) {
	if cfg.Clock == nil || cfg.Headers == nil || cfg.Log == nil || cfg.Logger == nil {
		return nil, errors.New("watcher: a dependency is missing")
	}
	if err := cfg.Schedule.Validate(); err != nil {
		return nil, fmt.Errorf("schedule: %w", err)
	}
	shared, _ := cfg.Log.(SharedLog)
	return &Watcher{cfg: cfg, shared: shared}, nil
}

// Run calls open for each window that is due, with the window durably recorded as opened; open must hand over and
// return at once. A window that was open when the node last stopped is opened again while it lasts. Run returns
// nil when ctx ends and an error only if the window log cannot be read at start.
func (w *Watcher) Run(ctx context.Context, open func(Opened)) error {
	last, err := w.cfg.Log.LastWindow(ctx)
	if err != nil {
		return err
	}
	w.last = last
	for {
		changed := w.cfg.Clock.Changed()
		if head := w.cfg.Clock.Head(); !head.ReceivedAt.IsZero() {
			// After an error the state is unchanged, so the next head tries again.
			if err := w.step(ctx, head, open); ctx.Err() == nil {
				w.woe.heard(w.cfg.Logger, head.Height, err)
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

// step brings the windows up to one head. It must be safe to repeat: an error leaves everything for the next head.
func (w *Watcher) step(ctx context.Context, head chain.Head, open func(Opened)) error {
	if !w.started {
		if err := w.lookBack(ctx, head); err != nil {
			return err
		}
		if head.Height < w.last.Block {
			return nil // the source is behind what we have seen; what to resume is known when it has caught up
		}
		if w.since == 0 || head.Height < w.since {
			w.since = head.Height
		}
		if err := w.resume(ctx, head, open); err != nil {
			return err
		}
		w.started = true
	}
	current, active := w.cfg.Schedule.At(head.Height)
	if current.Block <= w.last.Block {
		w.trouble = ""
		return nil
	}
	begin, err := w.verify(ctx, head, current)
	if err != nil {
		w.unverified(err)
		return fmt.Errorf("verify window %d: %w", current.Block, err)
	}
	var elsewhere Opened
	if !active {
		if elsewhere, err = w.openedElsewhere(ctx, head, current); err != nil {
			return err
		}
	}
	opened := active || elsewhere.At != 0
	// What lies between the last window and this one went by unseen: so much is sure, now that the head is.
	if missedTo := current.Block - w.cfg.Schedule.Frequency; opened && missedTo > w.last.Block {
		if err := w.miss(ctx, missedTo, w.whyMissed(), head.Height); err != nil {
			return err
		}
	}
	switch {
	case active:
		return w.open(ctx, head, begin, open)
	case opened:
		w.last, w.trouble = elsewhere, ""
		open(elsewhere)
		return nil
	default:
		return w.miss(ctx, current.Block, w.whyMissed(), head.Height)
	}
}

// open opens the window that begins with a block, at a head of its active phase.
func (w *Watcher) open(ctx context.Context, head chain.Head, begin chain.Header, open func(Opened)) error {
	opened := Opened{Block: begin.Height, At: head.Height, Hash: begin.Hash, Time: time.Now()}
	if err := w.cfg.Log.OpenWindow(ctx, opened); err != nil { // durable first: a restart neither repeats nor skips it
		w.trouble = ReasonStoreFailed
		return fmt.Errorf("record window %d as opened: %w", opened.Block, err)
	}
	w.last, w.trouble = opened, ""
	open(opened)
	w.sweep(ctx, opened.Block)
	return nil
}

// unverified notes why a window cannot be opened. That there was no quorum outlasts what else is wrong meanwhile: while
// the endpoints come back, the head is for a moment on no chain that they agree on.
func (w *Watcher) unverified(err error) {
	switch {
	case errors.Is(err, chain.ErrNoQuorum):
		w.trouble = ReasonNoQuorum
	case w.trouble != ReasonNoQuorum:
		w.trouble = ReasonChainStalled
	}
}

// resume handles the first head of this run: what was open is opened again or finished, and what was missed
// while the node was down is recorded.
func (w *Watcher) resume(ctx context.Context, head chain.Head, open func(Opened)) error {
	current, active := w.cfg.Schedule.At(head.Height)
	if current.Block != 0 { // before anything durable follows from it: the first head may be as absurd as any other
		if _, err := w.verify(ctx, head, current); err != nil {
			w.unverified(err)
			return fmt.Errorf("verify window %d: %w", current.Block, err)
		}
	}
	if w.last.Block == 0 && !active {
		// A new store: the windows before it are not ours to miss.
		if current.Block == 0 {
			return nil
		}
		if err := w.cfg.Log.StartAfter(ctx, current.Block); err != nil {
			return fmt.Errorf("record start after window %d: %w", current.Block, err)
		}
		w.last = Opened{Block: current.Block}
		return nil
	}
	if w.last.Block == 0 {
		if before := current.Block - w.cfg.Schedule.Frequency; before > 0 {
			w.last = Opened{Block: before} // opens at once, and that is what gets recorded
		}
		return nil
	}
	if err := w.resumeLast(ctx, head, open); err != nil {
		return err
	}
	return w.missWhileDown(ctx, head.Height)
}

// resumeLast finishes what was left open in the last window if its active phase is over, and opens it again: to be
// resumed, or, once it is over, for what was written down in it and not yet reported.
func (w *Watcher) resumeLast(ctx context.Context, head chain.Head, open func(Opened)) error {
	last, ok := w.cfg.Schedule.Window(w.last.Block)
	if !ok {
		return fmt.Errorf("the store's last window %d is not a window of this schedule", w.last.Block)
	}
	// Of siblings, whoever serves a wallet now judges what is open by what was written down: the layer does.
	if w.shared == nil && head.Height >= last.ActiveEnd {
		if err := w.cfg.Log.FinishOpen(ctx, last.Block, ReasonNodeDown); err != nil {
			return fmt.Errorf("finish windows up to %d: %w", last.Block, err)
		}
	}
	if w.last.At != 0 {
		again := w.last
		again.Over = head.Height >= last.End
		open(again)
	}
	return nil
}

// missWhileDown records the windows whose active phase passed before this run's first head. The last of them is a
// late start if the node came up while it still lasted. What went by since then, while no head could be verified, was missed
// for another reason.
func (w *Watcher) missWhileDown(ctx context.Context, at chain.Height) error {
	current, active := w.cfg.Schedule.At(w.since)
	if current.Block <= w.last.Block {
		return nil
	}
	trouble := w.trouble
	defer func() { w.trouble = trouble }()
	down := current.Block
	if active || w.since < current.End {
		down -= w.cfg.Schedule.Frequency
	}
	if down > w.last.Block {
		if err := w.miss(ctx, down, ReasonNodeDown, at); err != nil {
			return err
		}
	}
	if !active && down < current.Block {
		return w.miss(ctx, current.Block, ReasonLateStart, at)
	}
	return nil
}

// miss records everything after the last window, up to and including to, as missed.
func (w *Watcher) miss(ctx context.Context, to chain.Height, reason Reason, at chain.Height) error {
	first := w.last.Block + w.cfg.Schedule.Frequency
	m := Missed{First: first, Last: to, Reason: reason, NotedAt: at}
	if err := w.cfg.Log.RecordMissed(ctx, m); err != nil {
		return fmt.Errorf("record windows %d to %d as missed: %w", first, to, err)
	}
	w.last, w.trouble = Opened{Block: to}, ""
	w.cfg.Logger.Warn("Missed windows", "first", first, "last", to, "reason", reason, "height", at)
	return nil
}

// whyMissed is the reason for windows that went by while this run was up.
func (w *Watcher) whyMissed() Reason {
	if w.trouble != "" {
		return w.trouble
	}
	return ReasonChainStalled
}

// verify reads block c of the window and checks that it lies on the chain that ends in head, so that one absurd
// head cannot move the windows on. Within a window's reach every link from c to head is followed; further on
// (a whole window went by) it is enough that the source's chain holds both.
func (w *Watcher) verify(ctx context.Context, head chain.Head, current Window) (chain.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	begin, err := w.cfg.Headers.Header(ctx, current.Block)
	if err != nil {
		return chain.Header{}, fmt.Errorf("read its first block: %w", err)
	}
	if begin.Height != current.Block {
		return chain.Header{}, fmt.Errorf("asked for block %d, got %d", current.Block, begin.Height)
	}
	from := begin
	if head.Height >= current.ActiveEnd {
		if from, err = w.cfg.Headers.Header(ctx, head.Height); err != nil {
			return chain.Header{}, fmt.Errorf("read the head: %w", err)
		}
	}
	for from.Height < head.Height {
		next, err := w.cfg.Headers.Header(ctx, from.Height+1)
		if err != nil {
			return chain.Header{}, fmt.Errorf("read block %d: %w", from.Height+1, err)
		}
		if next.Parent != from.Hash {
			return chain.Header{}, fmt.Errorf("block %d does not link to its parent", next.Height)
		}
		from = next
	}
	if from.Hash != head.Hash {
		return chain.Header{}, fmt.Errorf("head %d is not on the source's chain", head.Height)
	}
	return begin, nil
}
