package action

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// Config is what a Dispatcher needs; every field but Observe is required.
type Config struct {
	Log       Log
	Clock     Clock
	Validator Validator
	Handlers  map[proposal.Kind]Handler // one for each kind but Noop
	Logger    *slog.Logger
	// Observe is told each action once its outcome is recorded. It must return at once, and is called from several
	// goroutines; nil is allowed.
	Observe func(Ended)
}

// Ended is an action with its outcome.
type Ended struct {
	Order   proposal.Order
	Outcome Outcome
	// Begun says that the action's start was recorded in this process; Took is the time since then.
	Begun bool
	Took  time.Duration
}

// Dispatcher carries out orders, each in a goroutine of its own and one per wallet at a time: a second order is
// recorded as WalletBusy and never carried out later (rule R7).
type Dispatcher struct {
	cfg Config

	// What Dispatch and Revoke leave for Run. There is at most one order and one revocation per wallet and
	// window, and windows are hours apart, so the list is as long as the node has wallets, twice.
	mu      sync.Mutex
	inbox   []event
	arrived chan struct{} // holds one token while inbox may have something
}

// event is an order, or the revocation of (wallet, window).
type event struct {
	order  proposal.Order
	revoke bool
}

// New checks the configuration; a kind without a handler is refused.
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Log == nil || cfg.Clock == nil || cfg.Validator == nil || cfg.Logger == nil {
		return nil, errors.New("action dispatcher: a dependency is missing")
	}
	for _, k := range proposal.Kinds() {
		if k != proposal.KindNoop && cfg.Handlers[k] == nil {
			return nil, fmt.Errorf("no handler for proposal kind %v", k)
		}
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Ended) {}
	}
	return &Dispatcher{cfg: cfg, arrived: make(chan struct{}, 1)}, nil
}

// Dispatch hands over an order that the log already holds. It never waits. What is dispatched before Run begins is
// carried out then; what Run does not get to stays pending in the log.
func (d *Dispatcher) Dispatch(o proposal.Order) { d.put(event{order: o}) }

// Revoke stops the action of (wallet, window) if it has not ended. It never waits. The log knows already, so that a
// restart does not forget.
func (d *Dispatcher) Revoke(wallet chain.WalletID, window chain.Height) {
	d.put(event{order: proposal.Order{Wallet: wallet, Window: window}, revoke: true})
}

func (d *Dispatcher) put(e event) {
	d.mu.Lock()
	d.inbox = append(d.inbox, e)
	d.mu.Unlock()
	select {
	case d.arrived <- struct{}{}:
	default:
	}
}

func (d *Dispatcher) take() []event {
	d.mu.Lock()
	defer d.mu.Unlock()
	events := d.inbox
	d.inbox = nil
	return events
}

// Run first takes up what the log holds as pending, then what is dispatched, until ctx ends. An action that has not
// ended by then stays pending, without an outcome. It returns nil once every goroutine has ended: two per running
// action (the second watches the deadline), so at most two per wallet, and one per outcome that is being recorded
// for an order that never ran. Its one error is that the log cannot be read.
func (d *Dispatcher) Run(ctx context.Context) error {
	pending, err := d.cfg.Log.PendingActions(ctx)
	if err != nil {
		return fmt.Errorf("read pending actions: %w", err)
	}
	// Without a height nothing can be told to be expired, and an expired order would keep the wallet from the next.
	if d.cfg.Clock.Until(ctx, 1) != nil {
		return nil // ctx ended
	}
	r := &round{Dispatcher: d, actions: make(map[chain.WalletID]*running), taken: make(map[chain.WalletID]chain.Height)}
	defer r.goroutines.Wait()
	for _, o := range pending {
		r.dispatch(ctx, o)
	}
	for {
		for _, e := range d.take() {
			if e.revoke {
				r.revoke(e.order.Wallet, e.order.Window)
			} else {
				r.dispatch(ctx, e.order)
			}
		}
		select {
		case <-d.arrived:
		case <-ctx.Done():
			return nil
		}
	}
}

// round is the state of one Run, owned by its loop.
type round struct {
	*Dispatcher
	actions    map[chain.WalletID]*running     // the newest action of each wallet, ended ones included
	taken      map[chain.WalletID]chain.Height // the newest window of which an order was taken, begun or not
	goroutines sync.WaitGroup
}

// running is an action that was begun.
type running struct {
	window chain.Height
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when its outcome is recorded
}

func (a *running) busy() bool {
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// dispatch begins an action, or records why not. An order can come twice, from the log and from Dispatch; windows of
// a wallet ascend, so what is not newer than the newest was taken already, also if it was found busy then.
func (r *round) dispatch(ctx context.Context, o proposal.Order) {
	if o.Window <= r.taken[o.Wallet] {
		return
	}
	r.taken[o.Wallet] = o.Window
	last := r.actions[o.Wallet]
	height := r.cfg.Clock.Height()
	switch {
	case height >= o.SigningEnd():
		r.goroutines.Go(func() { r.finish(ctx, Ended{Order: o, Outcome: Expired}, fmt.Sprintf("taken up at block %d", height)) })
	case last != nil && last.busy():
		r.goroutines.Go(func() {
			r.finish(ctx, Ended{Order: o, Outcome: WalletBusy}, fmt.Sprintf("the action of window %d is still running", last.window))
		})
	default:
		action, cancel := context.WithCancelCause(ctx)
		begun := &running{window: o.Window, cancel: cancel, ended: make(chan struct{})}
		r.actions[o.Wallet] = begun
		r.goroutines.Go(func() {
			defer close(begun.ended)
			defer cancel(nil)
			if end, detail := r.carryOut(action, cancel, o); end.Outcome != "" {
				r.finish(ctx, end, detail)
			}
		})
	}
}

// revoke ends the wallet's action if it is the one of that window. One that was never begun is held up by the log.
func (r *round) revoke(wallet chain.WalletID, window chain.Height) {
	if action := r.actions[wallet]; action != nil && action.window == window {
		action.cancel(errRevoked)
	}
}
