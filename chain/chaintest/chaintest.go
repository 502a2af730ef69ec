// Package chaintest has a chain for tests: an endless line of linked headers that fails, forks and lies on request.
package chaintest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Chain is a fake chain. It has every block up to its tip; hashes follow from the height and the branch, so that it
// needs no memory. Safe for concurrent use.
type Chain struct {
	mu      sync.Mutex
	tip     chain.Height
	forks   []chain.Height // each replaced the blocks from its height on
	failure error
	follow  map[int]func(chain.Header)
	next    int
}

// New makes a chain with its tip at height tip.
func New(tip chain.Height) *Chain { return &Chain{tip: tip} }

// Follow makes the clock observe the head of every Show from now on.
func (c *Chain) Follow(clock *chain.Clock) {
	c.subscribe(func(h chain.Header) { clock.Observe(h) })
}

// Run shows the head, then the head of every Show, until ctx ends: the fake as a node's chain source.
func (c *Chain) Run(ctx context.Context, heads func(chain.Header)) error {
	c.mu.Lock()
	head := c.header(c.tip)
	c.mu.Unlock()
	heads(head)
	unsubscribe := c.subscribe(heads)
	defer unsubscribe()
	<-ctx.Done()
	return ctx.Err()
}

func (c *Chain) subscribe(heads func(chain.Header)) (unsubscribe func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.follow == nil {
		c.follow = make(map[int]func(chain.Header))
	}
	id := c.next
	c.next++
	c.follow[id] = heads
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.follow, id)
	}
}

// Show moves the tip to h, forwards or backwards, and shows the head to whoever follows.
func (c *Chain) Show(h chain.Height) chain.Header {
	c.mu.Lock()
	c.tip = h
	head, follow := c.header(h), maps.Clone(c.follow)
	c.mu.Unlock()
	for _, heads := range follow {
		heads(head)
	}
	return head
}

// Tip returns the height of the head.
func (c *Chain) Tip() chain.Height {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tip
}

// Fork replaces all blocks from height h on by others.
func (c *Chain) Fork(h chain.Height) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forks = append(c.forks, h)
}

// Fail makes every read end in err until Fail(nil).
func (c *Chain) Fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = err
}

// Header implements the node's header source.
func (c *Chain) Header(ctx context.Context, h chain.Height) (chain.Header, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return chain.Header{}, ctx.Err()
	case c.failure != nil:
		return chain.Header{}, c.failure
	case h > c.tip:
		return chain.Header{}, chain.ErrNotFound
	}
	return c.header(h), nil
}

// Foreign returns a head at height h that is on no branch of the chain.
func Foreign(h chain.Height) chain.Header {
	return chain.Header{Height: h, Hash: hash(h, 1<<32), Parent: hash(h-1, 1<<32), Time: stamp(h)}
}

func (c *Chain) header(h chain.Height) chain.Header {
	return chain.Header{Height: h, Hash: hash(h, c.branch(h)), Parent: hash(h-1, c.branch(h-1)), Time: stamp(h)}
}

// branch counts the forks that replaced block h.
func (c *Chain) branch(h chain.Height) uint64 {
	n := uint64(0)
	for _, from := range c.forks {
		if h >= from {
			n++
		}
	}
	return n
}

func hash(h chain.Height, branch uint64) chain.Hash {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(h))
	binary.BigEndian.PutUint64(b[8:], branch)
	return sha256.Sum256(b[:])
}

// stamp gives blocks the 12 seconds of Ethereum, starting at synctest's epoch.
func stamp(h chain.Height) time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(h) * 12 * time.Second)
}
