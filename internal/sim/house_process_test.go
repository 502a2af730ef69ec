package sim

import (
	"context"
	"errors"
	"sync"
)

// errDead is what a process that was killed gets of the world: nobody reads it any more.
var errDead = errors.New("the process is dead")

// deed is what a process may be killed at.
type deed string

// The deeds.
const (
	beforeCommit deed = "before a commit" // of which nothing is stored
	afterCommit  deed = "after a commit"  // of which it never hears
	beforeSend   deed = "before a message leaves"
	afterSend    deed = "after a message left"
	beforeAsking deed = "before a signer is asked"
	afterAsking  deed = "after a signer answered" // which it never hears
	afterReading deed = "after an endpoint answered"
)

var deeds = []deed{beforeCommit, afterCommit, beforeSend, afterSend, beforeAsking, afterAsking, afterReading}

// curse is what the next life ends at.
type curse struct {
	deed deed
	n    int
}

// process is one life of an instance: store, network, chain and signers are reached through its gates alone, which are shut while it is
// paused and lead nowhere once it is dead.
type process struct {
	kill  func() // ends the node's context
	who   string // which life of which instance it is; empty of the world's own
	seed  uint64 // of the house
	diary *diary

	mu     sync.Mutex
	dead   bool
	frozen chan struct{}   // closed when it goes on; nil while it runs
	fatal  deed            // what it will be killed at
	left   int             // how many of those it still survives, and one
	lost   int             // how many commits until the answer to one is lost, and one; 0 for none
	steps  map[[8]byte]int // how often each was taken, by the digest of what it is about
	drawn  int             // numbers of chance
	lines  int             // kinds of connections to its store
}

// pass waits while the process is paused; errDead if it is dead.
func (p *process) pass(ctx context.Context) error {
	for {
		p.mu.Lock()
		dead, frozen := p.dead, p.frozen
		p.mu.Unlock()
		switch {
		case dead:
			return errDead
		case frozen == nil:
			return ctx.Err()
		}
		select {
		case <-frozen:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// alive reports whether the process runs, paused or not.
func (p *process) alive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead
}

// hears reports whether what arrives reaches the process.
func (p *process) hears() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.dead && p.frozen == nil
}

// at is called for each deed; errDead if the process is dead, or was killed at this one.
func (p *process) at(d deed) error {
	p.mu.Lock()
	if !p.dead && p.fatal == d {
		if p.left--; p.left <= 0 {
			p.mu.Unlock()
			p.die()
			return errDead
		}
	}
	defer p.mu.Unlock()
	if p.dead {
		return errDead
	}
	return nil
}

// doom has the process be killed at the n-th deed of a kind from now on.
func (p *process) doom(d deed, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fatal, p.left = d, n
}

// mislay has the answer to the n-th commit from now on be lost on its way.
func (p *process) mislay(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = n
}

// unanswered reports whether the answer to this commit is lost.
func (p *process) unanswered() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lost == 0 {
		return false
	}
	p.lost--
	return p.lost == 0
}

// die kills the process.
func (p *process) die() {
	p.mu.Lock()
	first := !p.dead
	p.dead = true
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
	p.mu.Unlock()
	if first {
		p.kill()
	}
}

// pause stops the process; what it asks waits, and what arrives is lost.
func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.dead && p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// goOn ends a pause.
func (p *process) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}
