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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // whoever lost the race is not waited for
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

func firstAnswer[T any](ctx context.Context, readers []reader, call func(context.Context, Endpoint) (T, error)) (T, error) {
	var none T
	if len(readers) == 0 {
		return none, errNoReader
	}
	outcomes := make(chan outcome[T], len(readers)) // room for all: who loses does not wait to say so
	runners := relay{readers: readers, run: func(r reader) { outcomes <- attempt(ctx, r, call) }}
	if !runners.start() {
		return none, errRetired
	}
	slow := time.NewTimer(runners.last().hedge)
	defer slow.Stop()
	var failures []error
	for {
		select {
		case o := <-outcomes:
			runners.racing--
			if answered(o.err) {
				return o.value, o.err
			}
			if ctx.Err() != nil {
				return none, ctx.Err()
			}
			failures = append(failures, fmt.Errorf("%s: %w", o.name, o.err))
			if !runners.start() && runners.racing == 0 {
				return none, errors.Join(failures...)
			}
		case <-slow.C:
			runners.last().want()
			runners.hedge()
			slow.Reset(runners.last().hedge) // also where nobody was asked: one of the racing may fail, and make room
		case <-ctx.Done():
			return none, ctx.Err()
		}
	}
}

// relay starts one endpoint after the other.
type relay struct {
	readers []reader
	run     func(reader)
	next    int
	racing  int
}

// start asks the next endpoint that is still there; false if there is none.
func (r *relay) start() bool {
	for r.next < len(r.readers) {
		reader := r.readers[r.next]
		r.next++
		if reader.enter() {
			r.racing++
			go func() {
				defer reader.leave()
				r.run(reader)
			}()
			return true
		}
	}
	return false
}

// hedge asks one more because those asked are slow: the next fittest, and not too many. Where none is healthy, one that
// lags or is on its way back is better than one that does not answer; what it says is no decision.
func (r *relay) hedge() {
	if r.racing < maxRacing {
		r.start()
	}
}

func (r *relay) last() reader { return r.readers[r.next-1] }

// attempt asks one endpoint, which must have been entered.
func attempt[T any](ctx context.Context, r reader, call func(context.Context, Endpoint) (T, error)) outcome[T] {
	began := time.Now()
	value, err := call(ctx, r.endpoint)
	r.served(ctx, err, time.Since(began))
	return outcome[T]{value, err, r.name}
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
