package ethereum

import (
	"io"
	stdnet "net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy is a line to an endpoint that can be cut without either end noticing.
type proxy struct {
	listener stdnet.Listener
	running  sync.WaitGroup

	mu    sync.Mutex
	lines []*line
}

// line is one connection through the proxy: its ends, and whether bytes still pass.
type line struct {
	near, far stdnet.Conn
	mu        sync.Mutex
	dead      bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{listener: listener}
	p.running.Go(func() { p.accept(target) })
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for _, l := range p.lines {
			_, _ = l.near.Close(), l.far.Close()
		}
		p.mu.Unlock()
		p.running.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept(target string) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := stdnet.Dial("tcp", target)
		if err != nil {
			_ = near.Close()
			continue
		}
		l := &line{near: near, far: far}
		p.mu.Lock()
		p.lines = append(p.lines, l)
		p.mu.Unlock()
		p.running.Go(func() { l.pass(near, far) })
		p.running.Go(func() { l.pass(far, near) })
	}
}

// cut kills the connections there are; new ones work.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		l.mu.Lock()
		l.dead = true
		l.mu.Unlock()
	}
}

// pass copies bytes until an end closes, and swallows them once the line is dead.
func (l *line) pass(to io.Writer, from io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		l.mu.Lock()
		dead := l.dead
		l.mu.Unlock()
		if !dead {
			_, _ = to.Write(buffer[:n])
		}
	}
}
