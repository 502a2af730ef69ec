package node

import (
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/cluster"
)

// custody is a coordination.Custody, and proves to the store what it says: a wallet is served under a term for as long as the
// session may act, the keeper holds the wallet in one epoch, and nobody stopped it. Each time these come together anew is
// another term.
type custody struct {
	stopped func(chain.WalletID) bool // whether a wallet is stopped, on all instances or here

	mu      sync.Mutex
	tenure  *cluster.Tenure // nil between sessions
	given   map[chain.WalletID]cluster.Assignment
	number  uint64 // of the generation in which they were given
	served  map[chain.WalletID]serving
	refused map[chain.WalletID]time.Time // when a write for the wallet was refused
	last    coordination.Term
	changed chan struct{} // closed by the next change of served
}

// serving is one term.
type serving struct {
	term  coordination.Term
	epoch cluster.Epoch
	fence cluster.Fence
}

func newCustody(stopped func(chain.WalletID) bool) *custody {
	return &custody{
		stopped: stopped, served: make(map[chain.WalletID]serving), refused: make(map[chain.WalletID]time.Time), changed: make(chan struct{}),
	}
}

// Term implements coordination.Custody. The lease is asked each time: a process that was stopped gets the right answer before
// its timers have run.
func (c *custody) Term(wallet chain.WalletID) coordination.Term {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(wallet).term
}

// now returns the wallet's term at this moment, zero if it has none.
func (c *custody) now(wallet chain.WalletID) serving {
	s, ok := c.served[wallet]
	if !ok || c.tenure == nil || c.tenure.May() != nil {
		return serving{}
	}
	return s
}

// Changed implements coordination.Custody.
func (c *custody) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

// Serves reports whether the wallet is served now.
func (c *custody) Serves(wallet chain.WalletID) bool { return c.Term(wallet) != 0 }

// fence returns what proves the responsibility for a wallet to the store; cluster.ErrFenced if the wallet is not served.
func (c *custody) fence(wallet chain.WalletID) (cluster.Fence, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.now(wallet)
	if s.term == 0 {
		return cluster.Fence{}, cluster.ErrFenced
	}
	return s.fence, nil
}

// responsibility returns under which generation and epoch a wallet is served; false if it is not.
func (c *custody) responsibility(wallet chain.WalletID) (generation uint64, epoch cluster.Epoch, served bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.now(wallet)
	return c.number, s.epoch, s.term != 0
}

// session returns the tenure under which a term lasts, and the assignment; cluster.ErrFenced if the wallet is not served.
func (c *custody) session(wallet chain.WalletID) (*cluster.Tenure, cluster.Assignment, coordination.Term, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.now(wallet)
	if s.term == 0 {
		return nil, cluster.Assignment{}, 0, cluster.ErrFenced
	}
	return c.tenure, c.given[wallet], s.term, nil
}

// left returns how long the lease still lasts by this instance's own clock, and whether there is a session.
func (c *custody) left() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenure == nil {
		return 0, false
	}
	return c.tenure.Left(), true
}

// begin takes a new session; end, that it is over.
func (c *custody) begin(t *cluster.Tenure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tenure, c.given = t, nil
	clear(c.refused)
	c.settle()
}

func (c *custody) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tenure, c.given = nil, nil
	c.settle()
}

// hold takes what a keeper saw.
func (c *custody) hold(h cluster.Holdings) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenure == nil {
		return
	}
	c.given, c.number = make(map[chain.WalletID]cluster.Assignment, len(h.Mine)), h.View.Number
	for id, a := range h.Mine {
		if at, ok := c.refused[id]; ok && !h.At.After(at) {
			continue // seen before the store refused
		}
		delete(c.refused, id)
		c.given[id] = a
	}
	c.settle()
}

// reconsider takes that wallets were stopped, or let go on.
func (c *custody) reconsider() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
}

// lapse ends a term because the store refused a write under it. If the wallet is this instance's all the same, as when the
// lease ran out in the database for the moment in which its renewal was under way, the keeper's next look begins another.
func (c *custody) lapse(wallet chain.WalletID, term coordination.Term) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.served[wallet]; !ok || s.term != term {
		return
	}
	delete(c.given, wallet)
	c.refused[wallet] = time.Now()
	c.settle()
}

// settle makes the terms those that follow from what is given and not stopped. The mutex is held.
func (c *custody) settle() {
	moved := false
	for id, s := range c.served {
		a, ok := c.given[id]
		if !ok || a.Epoch != s.epoch || c.tenure == nil || s.fence.Seal != c.tenure.Seal() || c.stopped(id) {
			delete(c.served, id)
			moved = true
		}
	}
	for id, a := range c.given {
		if _, ok := c.served[id]; ok || c.stopped(id) {
			continue
		}
		c.last++
		c.served[id] = serving{term: c.last, epoch: a.Epoch, fence: c.tenure.Fence(a)}
		moved = true
	}
	if moved {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}
