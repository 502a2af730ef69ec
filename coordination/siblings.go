package coordination

import (
	"context"

	"github.com/walletnode/walletnode/chain"
)

// This file has what a Watcher does differently where siblings write into its log.

// lookBack asks what was accounted for before this run's first head. Without siblings Run knows already.
func (w *Watcher) lookBack(ctx context.Context, head chain.Head) error {
	if w.shared == nil {
		return nil
	}
	last, err := w.shared.LastWindowAt(ctx, head.Height)
	if err != nil {
		return err
	}
	if current, active := w.cfg.Schedule.At(head.Height); active && last.Block == current.Block && last.At == 0 {
		last = Opened{Block: last.Block - w.cfg.Schedule.Frequency} // a sibling missed it, and we need not
	}
	w.last = last
	return nil
}

// openedElsewhere returns the opening of a window that we missed and a sibling did not; zero if none did. We take part in it
// all the same: a wallet of ours has its part in it.
func (w *Watcher) openedElsewhere(ctx context.Context, head chain.Head, missed Window) (Opened, error) {
	if w.shared == nil {
		return Opened{}, nil
	}
	last, err := w.shared.LastWindowAt(ctx, head.Height)
	if err != nil {
		return Opened{}, err
	}
	if last.Block != missed.Block {
		return Opened{}, nil
	}
	last.Over = head.Height >= missed.End
	return last, nil
}

// sweep finishes what is still open before a window that was opened just now: results that could not be stored in the end.
// What it cannot finish now is open at the next window, too.
func (w *Watcher) sweep(ctx context.Context, opened chain.Height) {
	if w.shared == nil || opened <= w.cfg.Schedule.Frequency {
		return
	}
	if err := w.shared.FinishOpen(ctx, opened-w.cfg.Schedule.Frequency, ReasonNodeDown); err != nil && ctx.Err() == nil {
		w.cfg.Logger.Error("Could not finish what earlier windows left open", "window", opened, "error", err)
	}
}
