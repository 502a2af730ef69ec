package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	stdnet "net"
	"slices"
	"sync"
	"time"
)

// bounds are what clients, and those who want to be ones, can take of a server.
type bounds struct {
	handshakes  int // under way; the oldest gives way to a new one
	connections int // of clients; more are closed at once
	perClient   int // of them

	header time.Duration // for a handshake, and for a request's header
	read   time.Duration // for a whole request
	write  time.Duration // for a whole answer, with the work on it
	idle   time.Duration // between two requests on a connection
	linger time.Duration // for whoever was refused to read why
}

// door lets in who is listed. It makes the handshakes itself: what is not a client's holds none of the clients' connections.
// Those under way are few milliseconds old where both sides are honest, so the oldest of many is nobody's loss.
type door struct {
	stdnet.Listener
	config  *tls.Config
	bounds  bounds
	refused func(remote string, err error)

	arrived chan arrival  // unbuffered; Accept receives
	closed  chan struct{} // by Close
	loops   sync.WaitGroup

	mu      sync.Mutex
	shut    bool
	waiting []stdnet.Conn       // handshakes under way, oldest first
	inside  map[Fingerprint]int // connections of each client
	total   int
}

type arrival struct {
	conn stdnet.Conn
	err  error
}

// openDoor begins to accept. Close ends it, and wait returns when all that it started has ended.
func openDoor(listener stdnet.Listener, config *tls.Config, b bounds, refused func(remote string, err error)) *door {
	d := &door{
		Listener: listener, config: config, bounds: b, refused: refused,
		arrived: make(chan arrival), closed: make(chan struct{}), inside: map[Fingerprint]int{},
	}
	d.loops.Go(d.listen)
	return d
}

// Accept implements net.Listener.
func (d *door) Accept() (stdnet.Conn, error) {
	select {
	case a := <-d.arrived:
		return a.conn, a.err
	case <-d.closed:
		return nil, stdnet.ErrClosed
	}
}

// Close implements net.Listener. Connections that were let in stay.
func (d *door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil
	}
	d.shut = true
	close(d.closed)
	for _, conn := range d.waiting {
		_ = conn.Close()
	}
	return d.Listener.Close()
}

func (d *door) wait() { d.loops.Wait() }

func (d *door) listen() {
	for {
		conn, err := d.Listener.Accept()
		if err == nil {
			d.receive(conn)
			continue
		}
		select {
		case d.arrived <- arrival{err: err}: // the server waits before it asks again, or gives up and closes
		case <-d.closed:
			return
		}
	}
}

// receive begins a handshake, in place of the oldest one if there are too many.
func (d *door) receive(conn stdnet.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		_ = conn.Close()
		return
	}
	if len(d.waiting) >= d.bounds.handshakes {
		_ = d.waiting[0].Close()
		d.waiting = d.waiting[1:]
	}
	d.waiting = append(d.waiting, conn)
	d.loops.Go(func() { d.admit(conn) })
}

// admit makes a handshake, and hands over whom it lets in.
func (d *door) admit(conn stdnet.Conn) {
	own := &guest{Conn: conn, door: d}
	secured := tls.Server(own, d.config)
	ctx, cancel := context.WithTimeout(context.Background(), d.bounds.header) // Close closes the connection below it
	err := secured.HandshakeContext(ctx)
	cancel()
	d.mu.Lock()
	d.waiting = slices.DeleteFunc(d.waiting, func(c stdnet.Conn) bool { return c == conn })
	if err == nil {
		err = d.enter(own, fingerprintOf(secured.ConnectionState().PeerCertificates[0]))
	}
	d.mu.Unlock()
	if err != nil {
		d.refused(conn.RemoteAddr().String(), err)
		d.dismiss(conn)
		return
	}
	select {
	case d.arrived <- arrival{conn: secured}:
	case <-d.closed:
		_ = own.Close()
	}
}

var errCrowded = errors.New("the client has too many connections, or all clients together")

// enter counts a client's connection. d.mu is held.
func (d *door) enter(g *guest, client Fingerprint) error {
	if d.shut || d.total >= d.bounds.connections || d.inside[client] >= d.bounds.perClient {
		return errCrowded
	}
	d.total++
	d.inside[client]++
	g.client, g.counted = client, true
	return nil
}

// dismiss closes a connection that was refused. What its other side has sent meanwhile is read first: a connection that is
// closed with something unread in it takes back the alert that says why.
func (d *door) dismiss(conn stdnet.Conn) {
	_ = conn.SetDeadline(time.Now().Add(d.bounds.linger))
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(conn, maxHeader))
	_ = conn.Close()
}

// guest is a connection that gives its place back once, when it is closed.
type guest struct {
	stdnet.Conn
	door    *door
	client  Fingerprint
	counted bool // door.mu guards it
}

// Close implements net.Conn.
func (g *guest) Close() error {
	g.door.mu.Lock()
	if g.counted {
		g.counted = false
		g.door.total--
		if g.door.inside[g.client]--; g.door.inside[g.client] == 0 {
			delete(g.door.inside, g.client)
		}
	}
	g.door.mu.Unlock()
	return g.Conn.Close()
}
