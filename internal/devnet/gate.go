package devnet

import (
	"fmt"
	"io"
	stdnet "net"
	"sync"
	"time"
)

// passage is how a gate treats what comes.
type passage int

const (
	passOpen    passage = iota // bytes go through
	passClosed                 // what is connected is disconnected, and who calls is hung up on: a server that is away
	passSwallow                // connections stay and new ones are taken, and nothing arrives on the other side: a lost route
	passSlow                   // every piece arrives late, either way
)

// slowness is by how much a slow gate delays each piece. A transaction has a handful of questions and answers, so one
// takes a second and longer.
const slowness = 300 * time.Millisecond

// gate is the way from one instance to its database: a loopback port that leads to where the server listens. What is
// done to it befalls this instance alone.
type gate struct {
	listener stdnet.Listener
	dial     func() (stdnet.Conn, error)
	work     sync.WaitGroup

	mu      sync.Mutex
	treats  passage
	changed chan struct{} // closed by the next change of treats
	closed  bool
	ends    map[stdnet.Conn]struct{} // of what it carries, both ends of each
}

// newGate opens a gate to what dial reaches.
func newGate(dial func() (stdnet.Conn, error)) (*gate, error) {
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a gate: %w", err)
	}
	g := &gate{listener: listener, dial: dial, changed: make(chan struct{}), ends: make(map[stdnet.Conn]struct{})}
	g.work.Go(g.serve)
	return g, nil
}

// address is where callers reach the gate, host and port.
func (g *gate) address() string { return g.listener.Addr().String() }

// set changes how the gate treats what it carries and what comes.
func (g *gate) set(p passage) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || p == g.treats {
		return
	}
	g.treats = p
	if p == passClosed {
		g.disconnect()
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// close ends the gate and all it carries, and returns when nothing of it is left.
func (g *gate) close() error {
	err := g.listener.Close()
	g.mu.Lock()
	g.closed = true
	g.disconnect()
	close(g.changed)
	g.changed = make(chan struct{})
	g.mu.Unlock()
	g.work.Wait()
	return err
}

// disconnect ends what the gate carries; the copying sees it and leaves. g.mu is held.
func (g *gate) disconnect() {
	for end := range g.ends {
		_ = end.Close()
	}
}

// serve takes calls until the listener is closed.
func (g *gate) serve() {
	for {
		caller, err := g.listener.Accept()
		if err != nil {
			return
		}
		if g.enter(caller) {
			g.work.Go(func() { g.carry(caller) })
		}
	}
}

// carry connects a caller and copies both ways until an end closes.
func (g *gate) carry(caller stdnet.Conn) {
	defer g.leave(caller)
	if !g.admit() { // nobody connects through a gate that swallows
		return
	}
	callee, err := g.dial()
	if err != nil || !g.enter(callee) {
		return
	}
	defer g.leave(callee)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(g.through(caller), callee) // how it ended is the concern of both sides
		_ = caller.Close()
	})
	_, _ = io.Copy(g.through(callee), caller)
	_ = callee.Close()
	back.Wait()
}

// enter takes up an end of a connection, or closes it.
func (g *gate) enter(end stdnet.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.treats == passClosed || len(g.ends) >= 2*maxGated {
		_ = end.Close()
		return false
	}
	g.ends[end] = struct{}{}
	return true
}

// maxGated bounds the connections through one gate at a time: several times what an instance has to its database.
const maxGated = 256

func (g *gate) leave(end stdnet.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.ends, end)
	_ = end.Close()
}

// admit waits until a piece may pass; false if the gate is closed for good.
func (g *gate) admit() bool {
	late := false
	for {
		g.mu.Lock()
		treats, changed, closed := g.treats, g.changed, g.closed
		g.mu.Unlock()
		switch {
		case closed:
			return false
		case treats == passSwallow:
			<-changed // closing the gate is a change, too
		case treats == passSlow && !late:
			late = true
			timer := time.NewTimer(slowness)
			select {
			case <-timer.C:
			case <-changed: // mended, or worse
			}
			timer.Stop()
		default:
			return true
		}
	}
}

// through returns a writer to one end whose pieces wait for the gate.
func (g *gate) through(to io.Writer) io.Writer { return gated{g, to} }

type gated struct {
	gate *gate
	to   io.Writer
}

func (w gated) Write(piece []byte) (int, error) {
	if !w.gate.admit() {
		return 0, io.ErrClosedPipe
	}
	return w.to.Write(piece)
}
