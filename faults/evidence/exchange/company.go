package exchange

import (
	"context"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// company knows with whom wallets are shared: the circle of now, and how to learn of the next one. Its mutex guards which circle that is,
// and is not held while the registry is asked.
type company struct {
	wallets func(ctx context.Context) ([]chain.Wallet, error) // Config.Wallets

	mu     sync.Mutex // guards what follows
	circle circle
	before []chain.Wallet // of the last state that was read: those that heads are about, archived ones too
	moved  chan struct{}  // closed when the operators of circle are others
}

func newCompany(wallets func(ctx context.Context) ([]chain.Wallet, error)) *company {
	return &company{wallets: wallets, moved: make(chan struct{})}
}

// look asks the registry with whom wallets are shared.
func (c *company) look(ctx context.Context) error {
	wallets, err := c.wallets(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.circle.of(wallets, c.before) {
		return nil
	}
	next := newCircle(wallets, c.before)
	same := slices.Equal(next.operators, c.circle.operators)
	c.circle = next
	if !same {
		close(c.moved)
		c.moved = make(chan struct{})
	}
	return nil
}

// remember sets what wallets heads are about; the next look has them in the circle.
func (c *company) remember(about []chain.Wallet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = about
}

// now returns the circle of now.
func (c *company) now() circle {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.circle
}

// others returns who is to be heard, and a channel that is closed when that changes.
func (c *company) others() ([]chain.Operator, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.circle.operators, c.moved
}
