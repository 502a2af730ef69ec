package devnet

import (
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// unreachable is what nodes announce that can only be reached over links: nobody can listen on port 0. Else they would
// tell each other where they really listen, and go around a cut.
const unreachable = "/ip4/127.0.0.1/tcp/0"

// maxCarried bounds the connections over one link at a time. Two nodes need two; what is beyond is closed.
const maxCarried = 64

// link is the way from one node to another: a loopback port that leads to where the other listens. It can be cut, as a
// network can: what was connected is disconnected, and who calls gets no answer. When it is mended, a caller that has
// waited gets through.
type link struct {
	from, to chain.Operator
	target   string // host and port
	listener stdnet.Listener
	work     sync.WaitGroup

	mu     sync.Mutex
	mended chan struct{} // closed when the link is whole, or closed for good
	cut    bool
	closed bool
	ends   map[stdnet.Conn]struct{} // of what it carries, both ends of each
}

func newLink(from, to chain.Operator, target string) (*link, error) {
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open a link: %w", err)
	}
	l := &link{
		from: from, to: to, target: target, listener: listener,
		mended: make(chan struct{}), ends: make(map[stdnet.Conn]struct{}),
	}
	close(l.mended)
	l.work.Go(l.serve)
	return l, nil
}

// address is the link's multiaddr, without peer ID.
func (l *link) address() string {
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.listener.Addr().(*stdnet.TCPAddr).Port) //nolint:forcetypeassert // of a TCP listener
}

// serve takes calls until the listener is closed.
func (l *link) serve() {
	for {
		caller, err := l.listener.Accept()
		if err != nil {
			return
		}
		if !l.enter(caller) {
			continue
		}
		l.work.Go(func() {
			defer l.leave(caller)
			l.carry(caller)
		})
	}
}

// carry waits until the link is whole, then connects the caller and copies both ways until an end closes.
func (l *link) carry(caller stdnet.Conn) {
	l.mu.Lock()
	mended := l.mended
	l.mu.Unlock()
	<-mended // closing the link mends it, too
	callee, err := stdnet.Dial("tcp", l.target)
	if err != nil || !l.enter(callee) {
		return
	}
	defer l.leave(callee)
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(caller, callee) // how it ended is the nodes' concern
		_ = caller.Close()
	})
	_, _ = io.Copy(callee, caller)
	_ = callee.Close()
	back.Wait()
}

// enter takes up an end of a connection, or closes it: when there are too many, when the link is closed, and what was on
// its way when it was cut.
func (l *link) enter(end stdnet.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waits := end.LocalAddr().String() == l.listener.Addr().String() // a caller may wait at a cut
	if l.closed || l.cut && !waits || len(l.ends) >= 2*maxCarried {
		_ = end.Close()
		return false
	}
	l.ends[end] = struct{}{}
	return true
}

func (l *link) leave(end stdnet.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.ends, end)
	_ = end.Close()
}

// sever cuts the link; one that is cut stays so.
func (l *link) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut || l.closed {
		return
	}
	l.cut, l.mended = true, make(chan struct{})
	l.disconnect()
}

// mend makes the link whole.
func (l *link) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		l.cut = false
		close(l.mended)
	}
}

// disconnect ends what the link carries; the copying sees it and leaves. l.mu is held.
func (l *link) disconnect() {
	for end := range l.ends {
		_ = end.Close()
	}
}

// close ends the link and all it carries, and returns when nothing of it is left.
func (l *link) close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.closed = true
	l.disconnect()
	l.mu.Unlock()
	l.mend()
	l.work.Wait()
	return err
}

// links are the ways between all nodes, one for each direction.
type links []*link

// newLinks makes the ways between the nodes of some operators.
func newLinks(operators []*operator) (all links, err error) {
	for _, from := range operators {
		for _, to := range operators {
			if from == to {
				continue
			}
			l, err := newLink(from.address, to.address, fmt.Sprintf("127.0.0.1:%d", to.port))
			if err != nil {
				return nil, errors.Join(err, all.close())
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// between returns the way from one node to another; nil if there is none.
func (ls links) between(from, to chain.Operator) *link {
	i := slices.IndexFunc(ls, func(l *link) bool { return l.from == from && l.to == to })
	if i < 0 {
		return nil
	}
	return ls[i]
}

// split cuts every link that leads from one side to the other.
func (ls links) split(s sides) {
	for _, l := range ls {
		if s.apart(l.from, l.to) {
			l.sever()
		}
	}
}

// mend makes all links whole.
func (ls links) mend() {
	for _, l := range ls {
		l.mend()
	}
}

func (ls links) close() error {
	var errs []error
	for _, l := range ls {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}
