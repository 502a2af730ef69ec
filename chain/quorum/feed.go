package quorum

import (
	"context"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
)

const (
	// trailSize is how many delivered headers are remembered, and the most that one step delivers: 256 blocks.
	trailSize = 256
	// maxAsks is how often one head that is not agreed has every endpoint polled: from a quarter of the interval to the
	// next those polls reach over the interval, at whose end everybody is polled in any case.
	maxAsks = 4
)

// feed delivers heads. With a quorum those are the agreed ones, and nothing else: what the endpoint that serves shows is
// a hint that there may be more to agree on. So no endpoint moves the node's clock, nor does one that falls silent stop
// it. Without a quorum there is nothing to agree on, and each head of the endpoint that serves is delivered.
type feed struct {
	pool  *Pool
	heads func(chain.Header)

	trail []chain.Header // delivered and standing, ascending by height; the newest trailSize
	blind bool           // there is no quorum, and the log says so

	hint chain.Header // the newest that is not agreed
	asks int          // how often it had everybody polled
	ask  <-chan time.Time

	followed *link
	shown    chan chain.Header // of the endpoint followed
	stop     context.CancelFunc
	ended    sync.WaitGroup
}

func newFeed(p *Pool, heads func(chain.Header)) *feed {
	return &feed{pool: p, heads: heads, stop: func() {}}
}

// run delivers until ctx ends.
func (f *feed) run(ctx context.Context) {
	defer f.ended.Wait()
	defer func() { f.stop() }()
	for {
		state := f.pool.state.Load()
		f.settle(state)
		f.follow(ctx, state.serving)
		select {
		case header := <-f.shown:
			state = f.pool.state.Load()
			f.settle(state) // whether there is a quorum now, not whether there was when the wait began
			f.take(header, state)
		case <-f.ask:
			f.inquire(f.pool.state.Load())
		case <-state.next:
		case <-ctx.Done():
			return
		}
	}
}

// follow turns to the endpoint that serves now. It is told what was delivered, so that it goes on from there and no
// height is lost.
func (f *feed) follow(ctx context.Context, l *link) {
	if l == f.followed {
		return
	}
	f.unfollow()
	if l == nil || !l.enter() {
		return
	}
	ctx, f.stop = context.WithCancel(ctx)
	shown := make(chan chain.Header)
	f.followed, f.shown = l, shown
	delivered := append([]chain.Header(nil), f.trail...)
	f.ended.Go(func() {
		defer l.leave()
		//nolint:errcheck // it ends with ctx, by contract
		l.endpoint.Follow(ctx, delivered, func(h chain.Header) {
			select {
			case shown <- h:
			case <-ctx.Done():
			}
		})
	})
}

func (f *feed) unfollow() {
	f.stop()
	f.followed, f.shown = nil, nil
}

// take delivers a head of the endpoint that serves, or has it confirmed.
func (f *feed) take(h chain.Header, s *state) {
	switch {
	case !s.snapshot.Quorum:
		if !f.has(h) {
			f.deliver(h)
		}
	case !s.ring.has(h):
		f.hint, f.asks = h, 0
		f.inquire(s)
	}
}

// inquire has every endpoint polled for the head that one alone shows, and again a little later if its block is not agreed
// by then: it may not have reached most of them yet. A block that is contradicted is asked for too, since it may be the
// first of a reorganisation.
func (f *feed) inquire(s *state) {
	f.ask = nil
	if s.ring.has(f.hint) || f.asks == maxAsks {
		return
	}
	f.asks++
	f.ask = time.After(f.pool.config.soonest())
	s.wantPolls()
}

// settle delivers what is agreed and was not delivered.
func (f *feed) settle(s *state) {
	if s.snapshot.Quorum {
		f.blind = false
		for _, h := range f.undelivered(s) {
			f.deliver(h)
		}
		return
	}
	if f.blind {
		return
	}
	f.blind = true
	f.unfollow() // what it showed and nobody agreed to will be delivered now: it has to show it again
	f.pool.log.Error("Heads are not corroborated: there is no quorum of chain endpoints", "endpoint", s.snapshot.Serving)
}

// undelivered returns the agreed headers on top of the newest one that was delivered, ascending; none while the ring has
// not caught up with the agreed head, because it would lead back. Where nothing joins them to what was delivered, all that
// was is replaced; at the start, or where that is impossible, the newest goes out alone.
func (f *feed) undelivered(s *state) []chain.Header {
	head, begun := s.ring.Head()
	if !begun || !s.ring.has(s.snapshot.Agreed) {
		return nil
	}
	if len(f.trail) == 0 {
		return []chain.Header{head}
	}
	headers := s.ring.headers[max(0, len(s.ring.headers)-trailSize):]
	above := len(headers) - 1
	for i := len(headers) - 1; i >= 0; i-- {
		if f.has(headers[i]) {
			return headers[i+1:]
		}
		if headers[i].Height >= f.trail[0].Height {
			above = i
		}
	}
	return headers[above:]
}

// deliver hands a header on. What was delivered at its height or above belongs to a branch that was left.
func (f *feed) deliver(h chain.Header) {
	kept := len(f.trail)
	for kept > 0 && f.trail[kept-1].Height >= h.Height {
		kept--
	}
	f.trail = append(f.trail[:kept], h)
	if len(f.trail) > 2*trailSize {
		f.trail = append([]chain.Header(nil), f.trail[len(f.trail)-trailSize:]...)
	}
	f.pool.head.Store(uint64(h.Height)) // before anybody can act on it
	f.heads(h)
}

func (f *feed) has(h chain.Header) bool {
	for i := len(f.trail) - 1; i >= 0 && f.trail[i].Height >= h.Height; i-- {
		if f.trail[i].Height == h.Height {
			return f.trail[i].Hash == h.Hash
		}
	}
	return false
}

// wantPolls asks every endpoint for a poll, because there is news that one alone tells.
func (s *state) wantPolls() {
	for _, l := range s.links {
		l.want()
	}
}
