package quorum

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// maxHistory is how many changes of an endpoint's status are kept: one that flaps at every poll shows the last 20
// minutes, an ordinary one months. The oldest give way.
const maxHistory = 256

// link is the connection to one configured endpoint, with what it cost and how it fared. It lives as long as its key is
// configured, across reloads; its calls may come from any goroutine.
type link struct {
	key      string // of its member
	endpoint Endpoint
	latency  latency
	calls    atomic.Uint64
	errors   atomic.Uint64
	lastErr  atomic.Pointer[string]
	changes  atomic.Pointer[[]Change] // written by the pool's loop alone

	// wanted asks the poller for a poll before its time; one that finds another waiting is the same wish.
	wanted chan struct{}
	poller poller // the goroutine that polls owns it

	mu       sync.Mutex
	retired  bool
	inFlight int
	idle     chan struct{} // closed when the link is retired and no call is in flight
}

func newLink(key string, endpoint Endpoint) *link {
	return &link{key: key, endpoint: endpoint, wanted: make(chan struct{}, 1), idle: make(chan struct{})}
}

// enter begins a call, which leave must end. It reports false once the link is retired: the endpoint is closing.
func (l *link) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.retired {
		return false
	}
	l.inFlight++
	return true
}

func (l *link) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	if l.retired && l.inFlight == 0 {
		close(l.idle)
	}
}

// retire lets no further call begin and returns a channel that is closed when those in flight have ended.
func (l *link) retire() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.retired {
		l.retired = true
		if l.inFlight == 0 {
			close(l.idle)
		}
	}
	return l.idle
}

// want asks for a poll soon.
func (l *link) want() {
	select {
	case l.wanted <- struct{}{}:
	default:
	}
}

// count counts a call or poll that ended in err after took. What is no fault of the endpoint (a refusal, a block that is
// not there) is an answer like another. What our own rate held back was not asked.
func (l *link) count(err error, took time.Duration) {
	if errors.Is(err, chain.ErrThrottled) {
		return
	}
	l.calls.Add(1)
	if !failed(err) {
		l.latency.add(took)
		return
	}
	text := err.Error()
	l.errors.Add(1)
	l.lastErr.Store(&text)
}

// served counts a call. If its caller gave up meanwhile, ctx has ended, and the endpoint is not to blame for the error. A
// fault asks for a poll, so that an endpoint that dies between two polls is not relied on until the next.
func (l *link) served(ctx context.Context, err error, took time.Duration) {
	if err != nil && ctx.Err() != nil {
		l.latency.add(took) // it would have been longer
		return
	}
	l.count(err, took)
	if failed(err) {
		l.want()
	}
}

// failed reports whether an error is the endpoint's fault.
func failed(err error) bool {
	if errors.Is(err, chain.ErrThrottled) {
		return false // though its text may tell of a deadline
	}
	var fault *chain.EndpointError
	return errors.As(err, &fault) || errors.Is(err, context.DeadlineExceeded)
}

// answered reports whether a call has an answer that no other endpoint is needed for.
func answered(err error) bool {
	var refusal *chain.Refusal
	return err == nil || errors.Is(err, chain.ErrNotFound) || errors.As(err, &refusal)
}

// troubleOf names what keeps an endpoint from answering; empty for no error.
func troubleOf(err error) chain.Trouble {
	var fault *chain.EndpointError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &fault):
		return fault.Trouble
	case errors.Is(err, context.DeadlineExceeded):
		return chain.TroubleTimeout
	default:
		return chain.TroubleServer
	}
}

// history returns the changes of status, oldest first.
func (l *link) history() []Change {
	if changes := l.changes.Load(); changes != nil {
		return slices.Clone(*changes)
	}
	return nil
}

// record adds a change to the history.
func (l *link) record(c Change) {
	changes := append(l.history(), c)
	changes = changes[max(0, len(changes)-maxHistory):]
	l.changes.Store(&changes)
}
