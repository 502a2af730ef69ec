package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
)

// throttle keeps the requests to an endpoint at a rate, with bursts of one second's worth. Vendors count the requests of
// a batch one by one.
//
// Calls wait for it. Polls and batches of headers do not: they are counted, and the calls that come after them wait for
// what they took. So a busy node can delay its calls, and never lose sight of the chain for a limit that it set itself.
// Whoever fetches many headers asks Room first.
type throttle struct{ limiter *rate.Limiter }

// newThrottle makes a throttle of some requests per second; 0 for none. The nil throttle bounds nothing.
func newThrottle(perSecond float64) *throttle {
	if perSecond <= 0 {
		return nil
	}
	return &throttle{rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))}
}

// wait holds one call back until the rate allows it. A deadline that would pass before is chain.ErrThrottled.
func (t *throttle) wait(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.limiter.Wait(ctx)
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", chain.ErrThrottled, err)
}

// count takes n requests that are made now, whatever the rate allows.
func (t *throttle) count(n int) {
	if t == nil {
		return
	}
	now, burst := time.Now(), t.limiter.Burst()
	for ; n > 0; n -= burst {
		t.limiter.ReserveN(now, min(n, burst))
	}
}

// room waits until n requests, or a second's worth if that is less, may be made at once, and returns how many.
func (t *throttle) room(ctx context.Context, n int) (int, error) {
	if t == nil {
		return n, nil
	}
	n = min(n, t.limiter.Burst())
	for {
		missing := float64(n) - t.limiter.Tokens()
		if missing <= 0 {
			return n, nil
		}
		pause := time.Duration(missing / float64(t.limiter.Limit()) * float64(time.Second))
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for request rate: %w", ctx.Err())
		case <-time.After(pause + time.Millisecond): // never a pause of nothing
		}
	}
}

// Room waits until up to n requests may be made at once under the configured rate, and returns how many: at least one,
// and at most a second's worth. They are counted when they are made. The error is that of ctx.
func (c *Client) Room(ctx context.Context, n int) (int, error) { return c.throttle.room(ctx, n) }
