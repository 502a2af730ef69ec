package net

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
)

// retransmissions are how many blocks after the first broadcast a message is sent again: the n-th (from 0) is due
// after 2^n + n blocks. The reference client counts one tick per block; after a retransmission it skips a number
// of ticks that starts at 1 and doubles each time, so successive ones lie 2^n + 1 blocks apart:
// 1, +2, +3, +5, +9, +17, +33, +65. Seven fall into the 80 blocks of an active phase; the eighth, at 135, is beyond
// any window and only closes the list.
var retransmissions = [...]chain.Height{1, 3, 6, 11, 20, 37, 70, 135}

// Clock is what retransmission needs of chain.Clock.
type Clock interface {
	// Height returns the newest height.
	Height() chain.Height
	// Until blocks until a height of at least h has been shown, or ctx ends (its error is returned).
	Until(ctx context.Context, h chain.Height) error
}

// Due returns how many retransmissions are due at a height, for a message first sent at sentAt.
func Due(sentAt, height chain.Height) int {
	n := 0
	for _, after := range retransmissions {
		if height < sentAt || height-sentAt < after {
			break
		}
		n++
	}
	return n
}

// Retransmit sends a message again whenever a retransmission has become due, until the height reaches until (the
// end of the active phase; nil is returned) or ctx ends (its error). What counts is heights, not heads: if the clock
// skips several due heights, one send catches up, and so it does at once if Retransmit begins late, as after a
// restart. A failed send is not repeated before the next due height; failures are joined into the error.
func Retransmit(ctx context.Context, clock Clock, sentAt, until chain.Height, send func(context.Context) error) error {
	done := 0
	var failed error // at most one per retransmission
	for {
		height := clock.Height()
		if height >= until {
			return failed
		}
		if due := Due(sentAt, height); due > done {
			done = due
			if err := send(ctx); err != nil {
				failed = errors.Join(failed, fmt.Errorf("retransmit at height %d: %w", height, err))
			}
		}
		next := until
		if done < len(retransmissions) {
			next = min(next, sentAt+retransmissions[done])
		}
		if err := clock.Until(ctx, next); err != nil {
			return errors.Join(failed, err)
		}
	}
}
