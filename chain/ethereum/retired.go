package ethereum

import (
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
)

// retired holds connections that no new call uses. Each is closed once every call that was under way on it has been
// answered or has run out of time. There are few: a connection is given up after a timeout, and leaves after another.
type retired struct {
	mu     sync.Mutex
	timers map[*rpc.Client]*time.Timer
	closed bool
}

// add takes a connection over; after is the longest time that a call may take.
func (r *retired) add(conn *rpc.Client, after time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		conn.Close()
		return
	}
	if r.timers == nil {
		r.timers = make(map[*rpc.Client]*time.Timer)
	}
	r.timers[conn] = time.AfterFunc(after, func() {
		r.mu.Lock()
		delete(r.timers, conn)
		r.mu.Unlock()
		conn.Close()
	})
}

// close ends all connections at once, and those that are added later.
func (r *retired) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for conn, timer := range r.timers {
		timer.Stop()
		conn.Close()
	}
	clear(r.timers)
}
