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
	Custody   Custody
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

// Dispatcher carries out the orders of the wallets that are served here, each in a goroutine of its own and one per wallet
// at a time: a second order is recorded as WalletBusy and never carried out later (rule R7).
type Dispatcher struct {
	cfg Config

	// What Dispatch, Revoke, Retry and Reread leave for Run. There is at most one order, or one wish to look for it, and one
	// revocation per wallet and window, and windows are hours apart, so the list is as long as the node has wallets, twice;
	// what a person wants to have tried again comes on top.
	mu      sync.Mutex
	inbox   []event
	arrived chan struct{} // holds one token while inbox may have something
}

// event is an order, one that is pending again, the revocation of (wallet, window), or a wish to have the log read.
type event struct {
	order                 proposal.Order
	again, revoke, reread bool
}

// New checks the configuration; a kind without a handler is refused.
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Log == nil || cfg.Clock == nil || cfg.Validator == nil || cfg.Custody == nil || cfg.Logger == nil {
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
// carried out then; what Run does not get to, or is another instance's by then, stays pending in the log.
func (d *Dispatcher) Dispatch(o proposal.Order) { d.put(event{order: o}) }

// Retry hands over an order that had its outcome and that the log holds as pending again. It never waits.
func (d *Dispatcher) Retry(o proposal.Order) { d.put(event{order: o, again: true}) }

// Revoke stops the action of (wallet, window) if it has not ended. It never waits. The log knows already, so that a
// restart does not forget.
func (d *Dispatcher) Revoke(wallet chain.WalletID, window chain.Height) {
	d.put(event{order: proposal.Order{Wallet: wallet, Window: window}, revoke: true})
}

// Reread has the log's pending orders read again: one may have been stored with nobody being told. It never waits.
func (d *Dispatcher) Reread() { d.put(event{reread: true}) }

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

// Run first takes up what the log holds as pending, then what is dispatched, until ctx ends, and for as long as the wallets
// are served here. An action that has not ended by then stays pending, without an outcome; one of a wallet that comes (back)
// to this instance is begun from its start. Run returns nil once every goroutine has ended: two per running action (the
// second watches the deadline), so at most two per wallet, one per outcome that is being recorded for an order that never
// ran, and one that reads the log when wallets have changed hands, or on request. Its one error is that the log cannot be read at first.
func (d *Dispatcher) Run(ctx context.Context) error {
	changed := d.cfg.Custody.Changed()
	pending, err := d.cfg.Log.PendingActions(ctx)
	if err != nil {
		return fmt.Errorf("read pending actions: %w", err)
	}
	// Without a height nothing can be told to be expired, and an expired order would keep the wallet from the next.
	if d.cfg.Clock.Until(ctx, 1) != nil {
		return nil // ctx ended
	}
	r := newRound(d)
	defer r.goroutines.Wait()
	select {
	case <-changed: // what was pending then may have been done by another instance since; it is read again
	default:
		r.takeUp(ctx, pending)
	}
	for {
		for _, e := range d.take() {
			switch {
			case e.reread:
				r.read(ctx)
			case e.revoke:
				r.revoke(e.order.Wallet, e.order.Window)
			case e.again:
				r.retry(ctx, e.order)
			default:
				r.dispatch(ctx, e.order)
			}
		}
		select {
		case <-d.arrived:
		case <-changed:
			changed = d.cfg.Custody.Changed()
			r.letGo()
			r.read(ctx)
		case orders := <-r.pending:
			r.reading = false
			if r.stale {
				r.read(ctx)
			} else {
				r.takeUp(ctx, orders)
			}
		case <-ctx.Done():
			return nil
		}
	}
}
