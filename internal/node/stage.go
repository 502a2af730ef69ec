package node

import (
	"context"
	"slices"
	"sync"
	"time"
)

// State is how far a node is in its life. A node passes through the states in their order and never goes back: whether
// it can do its work at a moment is what Readiness says.
type State string

// The states.
const (
	Starting State = "starting" // it is put together; the wallets' channels are being joined
	Syncing  State = "syncing"  // it waits for the chain's first fresh head
	Active   State = "active"   // it takes part in windows
	Draining State = "draining" // it was told to stop and finishes what is in flight
	Stopped  State = "stopped"  // everything has ended
)

// States returns every state in the order of a node's life.
func States() []State { return []State{Starting, Syncing, Active, Draining, Stopped} }

// Stage holds a node's state. The node alone advances it; anybody may read it.
type Stage struct {
	mu      sync.Mutex
	state   State
	since   time.Time
	changed chan struct{}
}

func newStage() *Stage {
	return &Stage{state: Starting, since: time.Now(), changed: make(chan struct{})}
}

// State returns the state now, and since when it is that.
func (s *Stage) State() (State, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.since
}

// Changed returns a channel that is closed when the state next changes. Take it before reading the state, or a change
// in between goes unseen.
func (s *Stage) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// advance goes on to a later state; it ignores a step back, as of a node that is told to stop while it becomes active.
func (s *Stage) advance(to State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Index(States(), to) <= slices.Index(States(), s.state) {
		return
	}
	s.state, s.since = to, time.Now()
	close(s.changed)
	s.changed = make(chan struct{})
}

// awaitHead makes the node active once the chain's head is fresh.
func (n *Node) awaitHead(ctx context.Context) error {
	if n.chain.awaitFresh(ctx) {
		n.stage.advance(Active)
	}
	return nil
}
