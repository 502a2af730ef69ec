package quorum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

const (
	// hedgeFloor and hedgeCeiling bound for how long a read waits for the endpoint that serves before it asks a second
	// one too. What is quicker than half a second needs no help; after a whole one a dead endpoint must have been passed
	// over, so that the read is answered within one and a half.
	hedgeFloor, hedgeCeiling = 500 * time.Millisecond, time.Second
	// maxRacing is how many endpoints one slow read asks at once: two dead ones are got past, and a query that is slow
	// everywhere does not load everybody.
	maxRacing = 3
)

// errNoReader says that no endpoint may be asked: all are cordoned, or serve another chain.
var errNoReader = errors.New("no chain endpoint may serve reads")

// reader is an endpoint that reads may be sent to.
type reader struct {
	*link
	name  string
	hedge time.Duration // after which a read asks the next one too
}

func hedgeAfter(p95 time.Duration) time.Duration { return min(max(p95, hedgeFloor), hedgeCeiling) }

// outcome is how one endpoint answered.
type outcome[T any] struct {
	value T
	err   error
	name  string
}

// read asks the endpoint that serves. If it fails the next one is asked, and if it is slow the next beside it; the
// first answer counts. The error names what each of those asked said.
func read[T any](ctx context.Context, p *Pool, call func(context.Context, Endpoint) (T, error)) (T, error) {
	for {
		state := p.state.Load()
		value, err := firstAnswer(ctx, state.readers, call)
		if errors.Is(err, errRetired) && p.state.Load() != state {
			continue // the set of endpoints was changed between the two lines above
		}
		return value, err
	}
}

// errRetired says that every endpoint left while it was to be asked.
var errRetired = errors.New("chain endpoints are closed")

// firstAnswer asks the first endpoint in the caller's goroutine: most calls need no other, and a change of goroutines
// costs more than all the rest that is done for them. If the first is slow, a timer has a goroutine ask others beside
// it; once one of them answers, the first call's context ends, and with it the call.
func firstAnswer[T any](ctx context.Context, readers []reader, call func(context.Context, Endpoint) (T, error)) (T, error) {
	var none T
	if len(readers) == 0 {
		return none, errNoReader
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever lost the race is not waited for
	r := &relay[T]{readers: readers, call: call}
	first, ok := r.enter()
	if !ok {
		return none, errRetired
	}
	r.outcomes = make(chan outcome[T])
	helped := make(chan outcome[T], 1)
	slow := time.AfterFunc(first.hedge, func() {
		r.hedge(ctx)
		won := r.run(ctx)
		cancel()
		helped <- won
	})
	o := r.attempt(ctx, first)
	switch {
	case !slow.Stop():
		r.tell(ctx, o)
		o = <-helped
	case !answered(o.err):
		o = r.settle(ctx, o)
	}
	return o.value, o.err
}

// relay is one read by several endpoints. One goroutine at a time owns it: the caller's, or that of the timer which found
// the first endpoint slow.
type relay[T any] struct {
	readers  []reader
	call     func(context.Context, Endpoint) (T, error)
	next     int // the reader to ask next
	running  int
	outcomes chan outcome[T]
	failures []error
}

// settle goes on after the first outcome, which is no answer.
func (r *relay[T]) settle(ctx context.Context, first outcome[T]) outcome[T] {
	if o, over := r.take(ctx, first); over {
		return o
	}
	return r.run(ctx)
}

// run waits for outcomes until one of them is an answer, or there is nobody left to ask.
func (r *relay[T]) run(ctx context.Context) outcome[T] {
	slow := time.NewTimer(r.last().hedge)
	defer slow.Stop()
	for {
		select {
		case o := <-r.outcomes:
			if o, over := r.take(ctx, o); over {
				return o
			}
		case <-slow.C:
			r.hedge(ctx)
			slow.Reset(r.last().hedge) // also where nobody was asked: one of those asked may fail, and make room
		case <-ctx.Done():
			return outcome[T]{err: ctx.Err()}
		}
	}
}

// take judges an outcome: the relay is over, or the next endpoint is asked in place of the one that failed.
func (r *relay[T]) take(ctx context.Context, o outcome[T]) (final outcome[T], over bool) {
	r.running--
	switch {
	case answered(o.err):
		return o, true
	case ctx.Err() != nil:
		return outcome[T]{err: ctx.Err()}, true
	}
	r.failures = append(r.failures, fmt.Errorf("%s: %w", o.name, o.err))
	if !r.start(ctx) && r.running == 0 {
		return outcome[T]{err: errors.Join(r.failures...)}, true
	}
	return outcome[T]{}, false
}

// hedge asks one more because those asked are slow: the next fittest, and not too many. Where none is healthy, one that
// lags or is on its way back is better than one that does not answer; what it says is no decision.
func (r *relay[T]) hedge(ctx context.Context) {
	r.last().want()
	if r.running < maxRacing {
		r.start(ctx)
	}
}

// start asks the next endpoint that is still there, in a goroutine; false if there is none.
func (r *relay[T]) start(ctx context.Context) bool {
	next, ok := r.enter()
	if ok {
		go func() { r.tell(ctx, r.attempt(ctx, next)) }()
	}
	return ok
}

// enter enters the next endpoint that is still there.
func (r *relay[T]) enter() (reader, bool) {
	for r.next < len(r.readers) {
		reader := r.readers[r.next]
		r.next++
		if reader.enter() {
			r.running++
			return reader, true
		}
	}
	return reader{}, false
}

func (r *relay[T]) last() reader { return r.readers[r.next-1] }

// tell hands an outcome to the owner, who is gone when ctx has ended.
func (r *relay[T]) tell(ctx context.Context, o outcome[T]) {
	select {
	case r.outcomes <- o:
	case <-ctx.Done():
	}
}

// attempt asks one endpoint, which was entered, and leaves it.
func (r *relay[T]) attempt(ctx context.Context, from reader) outcome[T] {
	defer from.leave()
	began := time.Now()
	value, err := r.call(ctx, from.endpoint)
	from.served(ctx, err, time.Since(began))
	return outcome[T]{value, err, from.name}
}

// PendingRedemptions returns the requests to a wallet made at or after a height and still pending, as one endpoint tells
// them: what is made of them is validated before anything rests on it.
func (p *Pool) PendingRedemptions(ctx context.Context, wallet chain.WalletID, from chain.Height) ([]chain.RedemptionRequest, error) {
	return read(ctx, p, func(ctx context.Context, e Endpoint) ([]chain.RedemptionRequest, error) {
		return e.PendingRedemptions(ctx, wallet, from)
	})
}

// RedemptionLimits returns the terms in force, as one endpoint tells them.
func (p *Pool) RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error) {
	return read(ctx, p, func(ctx context.Context, e Endpoint) (chain.RedemptionLimits, error) {
		return e.RedemptionLimits(ctx)
	})
}

// WalletState returns a wallet's state on the chain, as one endpoint tells it.
func (p *Pool) WalletState(ctx context.Context, wallet chain.WalletID) (chain.WalletState, error) {
	return read(ctx, p, func(ctx context.Context, e Endpoint) (chain.WalletState, error) {
		return e.WalletState(ctx, wallet)
	})
}
