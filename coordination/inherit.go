package coordination

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// inherit judges, at the beginning of each term, what earlier owners of the wallet left open. It returns when ctx ends; at
// once if nothing ever changes hands, for then the watcher finishes what an earlier run left.
func (l *Layer) inherit(ctx context.Context, reports chan<- Report) {
	var running sync.WaitGroup
	defer running.Wait()
	known := make(map[chain.WalletID]Term)
	for {
		changed := l.cfg.Custody.Changed()
		if changed == nil {
			return
		}
		wallets, err := untilStored(ctx, l.cfg.Logger, "Could not read the wallets", func() ([]chain.Wallet, error) {
			return l.cfg.Registry.Wallets(ctx)
		})
		if err != nil {
			return // ctx ended
		}
		for _, wallet := range wallets {
			term := l.cfg.Custody.Term(wallet.ID())
			if term == known[wallet.ID()] {
				continue
			}
			known[wallet.ID()] = term
			if term != 0 {
				running.Go(func() { l.settle(ctx, wallet, term, reports) })
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// settle judges a wallet's open windows, the oldest first, while the term lasts. A window that is run here is left to those
// who run it for as long as they do: what is open after that, nobody had the time for.
func (l *Layer) settle(ctx context.Context, wallet chain.Wallet, term Term, reports chan<- Report) {
	held, end := l.hold(ctx, wallet.ID(), term)
	defer end()
	log := l.cfg.Logger.With("wallet", wallet.ID())
	blocks, err := l.openRows(held, log, wallet.ID())
	if err != nil {
		return // the term is over
	}
	for _, block := range blocks {
		w, ok := l.cfg.Schedule.Window(block)
		if !ok {
			log.Error("The log has a window open that is none of this schedule", "window", block)
			continue
		}
		if l.cfg.Clock.Until(held, w.ActiveEnd) != nil || l.left(held, w) != nil || l.spared(held, w) != nil {
			return // the term is over
		}
		// The next window needs the wallet's slot. What is still open then, the watcher finishes.
		spare, stop := l.until(held, l.cfg.Schedule.Next(l.cfg.Clock.Height()).Block)
		l.serve(spare, term, turn{wallet: wallet, window: w, log: log.With("window", block), over: true}, reports)
		stop()
	}
}

// enter notes that a window is run here, until the function that it returns is called.
func (l *Layer) enter(w Window) (leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := make(chan struct{})
	l.live[w.Block] = over
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.live, w.Block)
		close(over)
	}
}

// left waits until a window is not run here any more; an error says that ctx ended first.
func (l *Layer) left(ctx context.Context, w Window) error {
	l.mu.Lock()
	over := l.live[w.Block]
	l.mu.Unlock()
	if over == nil {
		return ctx.Err()
	}
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// spared waits until no later window lasts, which needs the wallet's slot more; an error says that ctx ended first.
func (l *Layer) spared(ctx context.Context, w Window) error {
	if now, _ := l.cfg.Schedule.At(l.cfg.Clock.Height()); now.Block > w.Block {
		return l.cfg.Clock.Until(ctx, now.End)
	}
	return ctx.Err()
}

// hold returns a context that lasts as long as the wallet's term. Its cancel function waits for the goroutine behind it.
func (l *Layer) hold(ctx context.Context, id chain.WalletID, term Term) (context.Context, context.CancelFunc) {
	held, cancel := context.WithCancel(ctx)
	if l.cfg.Custody.Changed() == nil {
		return held, cancel
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		for {
			changed := l.cfg.Custody.Changed()
			if l.cfg.Custody.Term(id) != term {
				return
			}
			select {
			case <-changed:
			case <-held.Done():
				return
			}
		}
	}()
	return held, func() {
		cancel()
		<-done
	}
}

// until returns a context that ends when the clock shows height h. Its cancel function waits for the goroutine behind it.
func (l *Layer) until(ctx context.Context, h chain.Height) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		_ = l.cfg.Clock.Until(ctx, h) // its only error is the context's, which ends this either way
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}
