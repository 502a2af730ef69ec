// Package pause waits for a time that can be cut short. It is what stands in place of a sleep, which nothing ends.
package pause

import (
	"context"
	"time"
)

// For waits for d. The error is ctx's if that ends first.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
