package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// maxJump is how many blocks the clock follows on one source's word alone. More (10 000 blocks: ~33 hours of
// Ethereum) needs a second observation, so that a single absurd head cannot end a running window (rule R1).
const maxJump = 10_000

// minSilence is the floor of Freshness.MaxSilence (rule R8).
const minSilence = 5 * time.Second

// Freshness says when the clock counts as stale (rule R8).
type Freshness struct {
	// MaxSilence is the longest time without a new block; a multiple of the chain's block time, at least 5 s.
	MaxSilence time.Duration
	// MaxHeaderAge is the greatest age of the head's own timestamp; 0 switches the check off, as on the devnet,
	// whose simulated blocks run ahead of real time.
	MaxHeaderAge time.Duration
}

// Validate checks the bounds of rule R8.
func (f Freshness) Validate() error {
	if f.MaxSilence < minSilence {
		return fmt.Errorf("max silence %v is below the floor of %v", f.MaxSilence, minSilence)
	}
	if f.MaxHeaderAge < 0 {
		return errors.New("max header age is negative")
	}
	return nil
}

// Head is the newest block the clock follows and when it was received.
type Head struct {
	Header
	ReceivedAt time.Time
}

// Clock is the node's chain clock: (height, header time, received at). One loop feeds it with Observe; any
// number of goroutines read it. Heights may repeat, skip, jump and go back; the clock shows the latest
// plausible one.
type Clock struct {
	freshness Freshness

	mu      sync.Mutex
	head    Head
	first   Height // the first height this clock showed
	floor   Height // last height known from an earlier run; jumps are measured from here until a head is seen
	pending Height // an implausible height that waits for its confirmation
	lapsed  Height // the head that ended the last staleness
	doubted Height // up to here the clock has shown heads that too few endpoints agreed on
	changed chan struct{}
	waiting map[Height]chan struct{} // closed when their height is reached; as many as heights are waited for
}

// NewClock makes a clock without a head. floor is the last height this node is known to have followed, 0 for
// none: the first head after a restart is measured against it.
func NewClock(freshness Freshness, floor Height) *Clock {
	return &Clock{freshness: freshness, floor: floor, changed: make(chan struct{})}
}

// Observe takes a head from the chain source. It reports whether the clock follows it: an unchanged head, or
// one more than 10 000 blocks ahead that nothing confirmed yet, is not followed.
func (c *Clock) Observe(h Header) bool { return c.observe(h, true) }

// ObserveDoubtful is Observe for a head that too few chain endpoints agreed on: the clock follows it, and does not vouch
// for what it showed until then.
func (c *Clock) ObserveDoubtful(h Header) bool { return c.observe(h, false) }

func (c *Clock) observe(h Header, agreed bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.Hash == c.head.Hash && h.Height == c.head.Height && !c.head.ReceivedAt.IsZero() {
		return false // the same block again is no sign of life (rule R8)
	}
	if !c.plausible(h.Height) {
		return false
	}
	if c.staleLocked() && !c.head.ReceivedAt.IsZero() {
		c.lapsed = h.Height
	}
	if c.head.ReceivedAt.IsZero() {
		c.first = h.Height
	}
	if !agreed || c.doubted > h.Height { // also when what was doubted turns out to have been too high
		c.doubted = h.Height
	}
	c.head = Head{Header: h, ReceivedAt: time.Now()}
	for height, reached := range c.waiting {
		if h.Height >= height {
			close(reached)
			delete(c.waiting, height)
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

// plausible applies the jump rule. A pending height is confirmed by any later observation near or above it.
func (c *Clock) plausible(h Height) bool {
	base := max(c.head.Height, c.floor)
	if base == 0 || h <= base+maxJump {
		c.pending = 0
		return true
	}
	if c.pending != 0 && h+maxJump >= c.pending && h <= c.pending+maxJump {
		c.pending = 0
		return true
	}
	c.pending = h
	return false
}

// Head returns the newest head; the zero Head before the first.
func (c *Clock) Head() Head {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head
}

// Height returns the newest height; 0 before the first head.
func (c *Clock) Height() Height { return c.Head().Height }

// Known returns the newest height; before the first head, the last one known from an earlier run. Between a start and its
// first head that is the best guess at which windows are running.
func (c *Clock) Known() Height {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head.ReceivedAt.IsZero() {
		return c.floor
	}
	return c.head.Height
}

// First returns the first height the clock showed: what was before it, this run of the node has not seen. 0 before
// the first head.
func (c *Clock) First() Height {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// Changed returns a channel that is closed when the clock next moves. Take it before reading the head, or a
// move in between goes unseen.
func (c *Clock) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Stale reports whether the clock is too old to act on: no leading, no attributed idleness, not ready (rule R8).
func (c *Clock) Stale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.staleLocked()
}

func (c *Clock) staleLocked() bool {
	if c.head.ReceivedAt.IsZero() || time.Since(c.head.ReceivedAt) > c.freshness.MaxSilence {
		return true
	}
	return c.freshness.MaxHeaderAge > 0 && time.Since(c.head.Time) > c.freshness.MaxHeaderAge
}

// Age returns the time since the head was received; 0 before the first head.
func (c *Clock) Age() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head.ReceivedAt.IsZero() {
		return 0
	}
	return time.Since(c.head.ReceivedAt)
}

// LapsedAfter reports whether the clock has been stale at some time since it showed height h, now included: then it
// cannot vouch for what happened after that block.
func (c *Clock) LapsedAfter(h Height) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lapsed > h || c.staleLocked()
}

// DoubtedAfter reports whether the clock has shown a head that too few endpoints agreed on since it showed height h: then
// nobody knows how long the blocks after that one took.
func (c *Clock) DoubtedAfter(h Height) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doubted > h
}

// Until blocks until the clock has shown a height of at least h, or ctx ends (its error is returned). It sleeps through
// the heads in between: a thousand wallets wait for the end of one window.
func (c *Clock) Until(ctx context.Context, h Height) error {
	reached := c.reached(h)
	if reached == nil {
		return nil
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reached returns a channel that is closed when the clock shows a height of at least h; nil if it does already.
func (c *Clock) reached(h Height) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.head.Height >= h {
		return nil
	}
	if c.waiting[h] == nil {
		if c.waiting == nil {
			c.waiting = make(map[Height]chan struct{})
		}
		c.waiting[h] = make(chan struct{})
	}
	return c.waiting[h]
}
