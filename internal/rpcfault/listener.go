package rpcfault

import (
	stdnet "net"
	"sync"
)

// listener accepts connections, remembers them and can cut them all. While it is cut it still accepts, to count who
// tries, and resets the connection at once: the port stays its own, and to the one who dials that is a broken line.
type listener struct {
	stdnet.Listener

	mu    sync.Mutex
	lines map[*line]struct{}
	off   *book // counts what is cut; nil while nothing is
}

func newListener(inner stdnet.Listener) *listener {
	return &listener{Listener: inner, lines: make(map[*line]struct{})}
}

// line is one connection.
type line struct {
	stdnet.Conn
	of *listener
}

// Close implements stdnet.Conn.
func (l *line) Close() error {
	l.of.mu.Lock()
	delete(l.of.lines, l)
	l.of.mu.Unlock()
	return l.Conn.Close()
}

// Accept implements stdnet.Listener.
func (l *listener) Accept() (stdnet.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if made := l.keep(conn); made != nil {
			return made, nil
		}
	}
}

// keep remembers a connection; nil if it was cut.
func (l *listener) keep(conn stdnet.Conn) *line {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.off != nil {
		l.off.note(KindCut)
		reset(conn)
		return nil
	}
	made := &line{Conn: conn, of: l}
	l.lines[made] = struct{}{}
	return made
}

// cut begins or ends the cutting.
func (l *listener) cut(off bool, log *book) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.off = nil
	if !off {
		return
	}
	l.off = log
	for made := range l.lines {
		log.note(KindCut)
		reset(made.Conn)
	}
	clear(l.lines)
}

// breakAll resets the connections there are.
func (l *listener) breakAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for made := range l.lines {
		reset(made.Conn)
	}
	clear(l.lines)
}

// reset ends a connection without a farewell.
func reset(conn stdnet.Conn) {
	if tcp, ok := conn.(*stdnet.TCPConn); ok {
		_ = tcp.SetLinger(0) // what fails here is gone already
	}
	_ = conn.Close()
}
