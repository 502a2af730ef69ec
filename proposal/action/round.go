package action

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal"
)

// round is the state of one Run, owned by its loop.
type round struct {
	*Dispatcher
	taken      map[chain.WalletID]taken   // of each wallet that is served, and was given an order
	actions    map[chain.WalletID]*task   // the newest action of each wallet, ended ones included
	tasks      map[chain.WalletID][]*task // all of each wallet that may be under way; not those that were let go
	goroutines sync.WaitGroup

	pending chan []proposal.Order // what was read beside the loop; unbuffered
	reading bool                  // somebody is about to send to pending
	stale   bool                  // wallets have changed hands since that one began: what it reads may be done by others
}

// taken is the newest window of which a wallet's order was taken, begun or not, and the term under which it was.
type taken struct {
	window chain.Height
	term   chain.Term
}

// task is an order at work: its action, or what is to be recorded in place of one.
type task struct {
	window chain.Height
	cancel context.CancelCauseFunc // ends the action; its outcome is still recorded
	letGo  context.CancelFunc      // ends both: the term is over under which the wallet was served
	gone   bool                    // letGo was called by the loop
	ended  chan struct{}           // closed when the outcome is recorded, or there will be none from here
}

func newRound(d *Dispatcher) *round {
	return &round{
		Dispatcher: d,
		taken:      make(map[chain.WalletID]taken),
		actions:    make(map[chain.WalletID]*task),
		tasks:      make(map[chain.WalletID][]*task),
		pending:    make(chan []proposal.Order),
	}
}

func (t *task) over() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// takeUp dispatches what the log holds as pending.
func (r *round) takeUp(ctx context.Context, pending []proposal.Order) {
	for _, o := range pending {
		r.dispatch(ctx, o)
	}
}

// dispatch begins an action, or records why not. An order can come twice, from the log and from Dispatch; windows of
// a wallet ascend, so what is not newer than the newest was taken already, also if it was found busy then.
func (r *round) dispatch(ctx context.Context, o proposal.Order) {
	term := r.cfg.Custody.Term(o.Wallet)
	if last, ok := r.taken[o.Wallet]; ok && last.term != term {
		r.drop(o.Wallet) // the change is under way to the loop
	}
	if term == 0 || o.Window <= r.taken[o.Wallet].window {
		return
	}
	r.taken[o.Wallet] = taken{o.Window, term}
	last := r.actions[o.Wallet]
	height := r.cfg.Clock.Height()
	switch {
	case height >= o.SigningEnd():
		r.record(ctx, Ended{Order: o, Outcome: Expired}, fmt.Sprintf("taken up at block %d", height))
	case last != nil && !last.over() && !last.gone:
		r.record(ctx, Ended{Order: o, Outcome: WalletBusy}, fmt.Sprintf("the action of window %d is still running", last.window))
	default:
		r.actions[o.Wallet] = r.begin(ctx, o, last)
	}
}

// retry begins an action once more, if it is the wallet's newest: nothing but its outcome can be in the way of that. The log
// says whether it is pending again; should it have been begun twice, the second one finds its outcome there.
func (r *round) retry(ctx context.Context, o proposal.Order) {
	last := r.actions[o.Wallet]
	if last == nil || last.gone || r.taken[o.Wallet] != (taken{o.Window, r.cfg.Custody.Term(o.Wallet)}) || last.window != o.Window {
		r.dispatch(ctx, o)
		return
	}
	if height := r.cfg.Clock.Height(); height >= o.SigningEnd() {
		r.record(ctx, Ended{Order: o, Outcome: Expired}, fmt.Sprintf("taken up again at block %d", height))
		return
	}
	r.actions[o.Wallet] = r.begin(ctx, o, last)
}

// begin carries out an order. An action of the wallet that was let go, or had its outcome, and is still on its way out is
// waited for.
func (r *round) begin(ctx context.Context, o proposal.Order, earlier *task) *task {
	return r.start(ctx, o, func(held, action context.Context, t *task) {
		if earlier != nil {
			<-earlier.ended // it has ended, or its context has and it is about to
		}
		if end, detail := r.carryOut(action, t.cancel, o); end.Outcome != "" {
			r.finish(held, end, detail)
		}
	})
}

// record records the outcome of an order that is not carried out.
func (r *round) record(ctx context.Context, end Ended, detail string) {
	r.start(ctx, end.Order, func(held, _ context.Context, _ *task) { r.finish(held, end, detail) })
}

// start does an order's work in a goroutine: held lasts until the wallet is let go, and action within it.
func (r *round) start(ctx context.Context, o proposal.Order, work func(held, action context.Context, t *task)) *task {
	held, letGo := context.WithCancel(ctx)
	action, cancel := context.WithCancelCause(held)
	t := &task{window: o.Window, cancel: cancel, letGo: letGo, ended: make(chan struct{})}
	r.tasks[o.Wallet] = append(slices.DeleteFunc(r.tasks[o.Wallet], (*task).over), t)
	r.goroutines.Go(func() {
		defer close(t.ended)
		defer letGo()
		work(held, action, t)
	})
	return t
}

// revoke ends the wallet's action if it is the one of that window. One that was never begun is held up by the log.
func (r *round) revoke(wallet chain.WalletID, window chain.Height) {
	if action := r.actions[wallet]; action != nil && action.window == window {
		action.cancel(errRevoked)
	}
}

// letGo drops the wallets whose terms are over.
func (r *round) letGo() {
	for wallet, last := range r.taken {
		if r.cfg.Custody.Term(wallet) != last.term {
			r.drop(wallet)
		}
	}
}

// drop stops what is under way for a wallet whose term is over, without an outcome. In another term, what the log then holds
// as pending is taken as if the wallet had never been here.
func (r *round) drop(wallet chain.WalletID) {
	for _, t := range r.tasks[wallet] {
		t.gone = true
		t.letGo()
	}
	delete(r.tasks, wallet)
	delete(r.taken, wallet)
}

// read has the log's pending orders read beside the loop, which stays ready to stop what is not ours. One read at a time;
// what changes meanwhile is seen by the next.
func (r *round) read(ctx context.Context) {
	r.stale = r.reading
	if r.reading {
		return
	}
	r.reading = true
	r.goroutines.Go(func() {
		var orders []proposal.Order
		if err := retry(ctx, r.cfg.Logger, "Could not read the pending actions", func() (err error) {
			orders, err = r.cfg.Log.PendingActions(ctx)
			return err
		}); err != nil {
			return // ctx ended
		}
		select {
		case r.pending <- orders:
		case <-ctx.Done():
		}
	})
}
