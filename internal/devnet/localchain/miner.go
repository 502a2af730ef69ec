package localchain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/walletnode/walletnode/chain"
)

const (
	// frequency is the distance between two windows, in blocks: the protocol's constant.
	frequency = 900
	// lead is how many blocks before a window a burst ends: 32 for the block that the seed is made from, and 8 for
	// nodes to catch up with the burst.
	lead = 40
	// rest is how many blocks after a window's start no burst begins: the window's 100, and 20 for what it
	// decided to get going, so that Busy can speak for it.
	rest = 120
)

// errHeld says that a block is wanted that Hold or Pause forbids.
var errHeld = errors.New("the chain is held")

// Run makes blocks until ctx ends, whose error it returns, or a block cannot be made.
func (c *Chain) Run(ctx context.Context) error {
	if err := c.setRunning(ctx, true); err != nil {
		return err
	}
	defer func() { _ = c.setRunning(context.WithoutCancel(ctx), false) }() // the turn is always given back soon
	ticker := time.NewTicker(c.config.BlockTime)
	defer ticker.Stop()
	for {
		if !c.bursting() {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
			if c.config.Wait != nil && c.config.Wait(c.Height()) {
				continue
			}
		} else if ctx.Err() != nil { // a burst waits for nothing that would notice
			return ctx.Err()
		}
		if err := c.mine(ctx); errors.Is(err, errHeld) {
			select { // held in a burst: wait as between blocks
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			}
		} else if err != nil {
			return err
		}
	}
}

func (c *Chain) setRunning(ctx context.Context, running bool) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	if c.running && running {
		return errors.New("the chain is already running")
	}
	c.running = running
	return nil
}

// bursting reports whether the next block is made without a pause.
func (c *Chain) bursting() bool {
	return c.config.FastIdle && idle(c.Height()) && (c.config.Busy == nil || !c.config.Busy())
}

// idle reports whether no window needs the block after this height at its pace.
func idle(height chain.Height) bool {
	phase := height % frequency
	return phase < frequency-lead && (phase >= rest || height < frequency) // there is no window at block 0
}

// mine makes one block, unless the chain is held.
func (c *Chain) mine(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	return c.mineInTurn()
}

// mineInTurn makes one block; the caller has the turn.
func (c *Chain) mineInTurn() error {
	if c.paused || c.hold != 0 && c.Height() >= c.hold {
		return fmt.Errorf("%w at block %d", errHeld, c.Height())
	}
	if err := c.backend.commit(); err != nil {
		return err
	}
	c.announce()
	return nil
}

// announce wakes those who wait for a block.
func (c *Chain) announce() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.mined)
	c.mined = make(chan struct{})
}

// Pause stops the making of blocks. When it returns without an error, no block is in the making.
func (c *Chain) Pause(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	c.paused = true
	return nil
}

// Resume ends a pause.
func (c *Chain) Resume(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	c.paused = false
	return nil
}

// Hold makes the chain stop exactly at a height until Release, or until another Hold takes its place. Until
// tells when it got there. A height that has passed is an error.
func (c *Chain) Hold(ctx context.Context, height chain.Height) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	if now := c.Height(); height == 0 || now > height {
		return fmt.Errorf("hold at block %d: the chain is at %d", height, now)
	}
	c.hold = height
	return nil
}

// Release ends a hold.
func (c *Chain) Release(ctx context.Context) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	c.hold = 0
	return nil
}

// Mine makes n blocks at once, whatever Run does.
func (c *Chain) Mine(ctx context.Context, n int) error {
	for range n {
		if err := c.mine(ctx); err != nil {
			return err
		}
	}
	return nil
}

// AdvanceTime makes one block whose chain time is d (whole seconds) after its parent's, so that requests age
// without blocks.
func (c *Chain) AdvanceTime(ctx context.Context, d time.Duration) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	// A block of its own for what waits in the pool: the simulated consensus moves time with empty blocks only.
	if err := c.mineInTurn(); err != nil {
		return err
	}
	if c.hold != 0 && c.Height() >= c.hold {
		return fmt.Errorf("%w at block %d", errHeld, c.Height())
	}
	if err := c.backend.beacon.AdjustTime(d); err != nil {
		return fmt.Errorf("advance chain time: %w", err)
	}
	c.announce()
	return nil
}

// mostDraws bounds how often Redraw makes a block: what one in sixteen blocks is like comes sooner for sure.
const mostDraws = 1000

// Redraw replaces the newest block, which must be that of a height, by another one until one suits, and returns how often it did.
// Block hashes are random, so what follows from one can be had by trying.
func (c *Chain) Redraw(ctx context.Context, height chain.Height, suits func(chain.Header) bool) (int, error) {
	if err := c.take(ctx); err != nil {
		return 0, err
	}
	defer c.give()
	for tries := range mostDraws {
		newest, err := c.Header(c.Height())
		if err != nil || newest.Height != height {
			return tries, errors.Join(err, fmt.Errorf("block %d is to be made anew, and the chain is at %d", height, c.Height()))
		}
		if suits(newest) {
			return tries, nil
		}
		if err := ctx.Err(); err != nil {
			return tries, err
		}
		if err := c.backend.beacon.Fork([32]byte(newest.Parent)); err != nil {
			return tries, fmt.Errorf("make block %d anew: %w", height, err)
		}
		if err := c.mineInTurn(); err != nil {
			return tries, err
		}
	}
	return mostDraws, fmt.Errorf("none of %d blocks of height %d suits", mostDraws, height)
}

// Fork drops the blocks above a height and makes n others in their place. Transactions of the dropped blocks may
// return in the new ones.
func (c *Chain) Fork(ctx context.Context, height chain.Height, n int) error {
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.give()
	ancestor, err := c.Header(height)
	if err != nil {
		return err
	}
	if err := c.backend.beacon.Fork([32]byte(ancestor.Hash)); err != nil {
		return fmt.Errorf("fork at block %d: %w", height, err)
	}
	for range n {
		if err := c.mineInTurn(); err != nil {
			return err
		}
	}
	return nil
}
