// Package sockstest is a SOCKS5 proxy for tests.
package sockstest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	stdnet "net"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy is a SOCKS5 proxy on a loopback address. It knows names that nobody else does, and connects to nothing else. It
// ends with its test.
type Proxy struct {
	listener stdnet.Listener
	user     string
	password string
	running  sync.WaitGroup

	mu    sync.Mutex
	names map[string]string
	asked []string
	conns map[io.Closer]struct{} // nil once it has ended
}

// New starts a proxy that knows names: host:port as it is asked for, and the address that is connected to. What it is asked
// for must be a name, not an address that somebody has looked up already.
func New(tb testing.TB, names map[string]string) *Proxy { return NewWithPassword(tb, names, "", "") }

// NewWithPassword starts a proxy that wants a user name and a password; none if user is empty.
func NewWithPassword(tb testing.TB, names map[string]string, user, password string) *Proxy {
	tb.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	p := &Proxy{listener: listener, user: user, password: password, names: maps.Clone(names), conns: make(map[io.Closer]struct{})}
	p.running.Go(p.accept)
	tb.Cleanup(p.end)
	return p
}

// Address returns the host:port that the proxy listens on.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// URL returns the proxy's URL, user name and password included.
func (p *Proxy) URL() string {
	if p.user == "" {
		return "socks5://" + p.Address()
	}
	return "socks5://" + p.user + ":" + p.password + "@" + p.Address()
}

// Asked returns what the proxy was asked to connect to, in order.
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

func (p *Proxy) end() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.running.Wait()
}

// own has a connection closed with the proxy; false if the proxy has ended.
func (p *Proxy) own(c io.Closer) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		_ = c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) disown(c io.Closer) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.own(near) {
			p.running.Go(func() {
				defer p.disown(near)
				p.serve(near)
			})
		}
	}
}

// The protocol's numbers.
const (
	version     = 5
	noMethod    = 0xff
	byPassword  = 2
	nameAddress = 3
	succeeded   = 0
	notAllowed  = 2
	unreachable = 4
)

// serve passes one connection on.
func (p *Proxy) serve(near stdnet.Conn) {
	if p.greet(near) != nil {
		return
	}
	far, reply := p.connect(near)
	if far != nil {
		if !p.own(far) {
			return
		}
		defer p.disown(far)
	}
	_, err := near.Write([]byte{version, reply, 0, 1, 0, 0, 0, 0, 0, 0}) // its own address is nobody's concern
	if err != nil || far == nil {
		return
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}()
	_, _ = io.Copy(far, near)
	_ = far.Close()
	<-back
}

// greet agrees on a method and checks the password if there is one.
func (p *Proxy) greet(near stdnet.Conn) error {
	head, err := read(near, 2)
	if err != nil {
		return err
	}
	offered, err := read(near, int(head[1]))
	if err != nil {
		return err
	}
	method := byte(0)
	if p.user != "" {
		method = byPassword
	}
	if !bytes.Contains(offered, []byte{method}) {
		_, err := near.Write([]byte{version, noMethod})
		return errors.Join(errors.New("no common method"), err)
	}
	if _, err := near.Write([]byte{version, method}); err != nil || method == 0 {
		return err
	}
	if _, err := read(near, 1); err != nil {
		return err
	}
	user, err := readShort(near)
	if err != nil {
		return err
	}
	password, err := readShort(near)
	if err != nil {
		return err
	}
	if user != p.user || password != p.password {
		_, err := near.Write([]byte{1, 1})
		return errors.Join(errors.New("wrong password"), err)
	}
	_, err = near.Write([]byte{1, 0})
	return err
}

// connect reads what to connect to, and does; a nil connection goes with the reason in reply.
func (p *Proxy) connect(near stdnet.Conn) (far stdnet.Conn, reply byte) {
	head, err := read(near, 4)
	if err != nil || head[3] != nameAddress {
		return nil, notAllowed
	}
	host, err := readShort(near)
	if err != nil {
		return nil, notAllowed
	}
	port, err := read(near, 2)
	if err != nil {
		return nil, notAllowed
	}
	asked := stdnet.JoinHostPort(host, strconv.Itoa(int(port[0])<<8|int(port[1])))
	p.mu.Lock()
	p.asked = append(p.asked, asked)
	target, known := p.names[asked]
	p.mu.Unlock()
	if !known {
		return nil, unreachable
	}
	far, err = stdnet.Dial("tcp", target)
	if err != nil {
		return nil, unreachable
	}
	return far, succeeded
}

func read(r io.Reader, n int) ([]byte, error) {
	data := make([]byte, n)
	_, err := io.ReadFull(r, data)
	return data, err
}

// readShort reads a text behind one byte of length.
func readShort(r io.Reader) (string, error) {
	length, err := read(r, 1)
	if err != nil {
		return "", err
	}
	text, err := read(r, int(length[0]))
	return string(text), err
}
