package quorum

import (
	"context"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

const (
	// leap is how far above the agreed head a head is delivered that nothing corroborates yet: two blocks, the most that
	// a chain of 12 s blocks moves between polls of 5 s, with one to spare.
	leap chain.Height = 2
	// trailSize is how many delivered headers are remembered, and the most that one step delivers: 256 blocks.
	trailSize = 256
	// maxHeld is how many heads wait for corroboration; the oldest give way, since heads may skip.
	maxHeld = 64
)

// feed delivers heads: those of the endpoint that serves as soon as it shows them, if they are hardly above the agreed
// head, and whatever is agreed. So neither an endpoint that names an absurd height moves the node's clock, nor does one
// that falls silent stop it. Without a quorum there is nothing to corroborate a head, and each is delivered.
type feed struct {
	pool  *Pool
	heads func(chain.Header)

	trail []chain.Header // delivered and standing, ascending by height; the newest trailSize
	held  []chain.Header
	blind bool // the log says that heads are not corroborated

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
			f.settle(state) // what is agreed by now comes first, or this head would leap over it
			f.take(header, state)
		case <-state.next:
		case <-ctx.Done():
			return
		}
	}
}

// follow turns to the endpoint that serves now. It is told what was delivered, so that it goes on from there and no
// height is lost; what the last one showed and nobody corroborated goes with it.
func (f *feed) follow(ctx context.Context, l *link) {
	if l == f.followed {
		return
	}
	f.stop()
	f.followed, f.shown = nil, nil
	if l == nil || !l.enter() {
		return
	}
	ctx, f.stop = context.WithCancel(ctx)
	f.followed, f.held = l, nil
	shown := make(chan chain.Header)
	f.shown = shown
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

// take delivers, holds or drops a head of the endpoint that serves.
func (f *feed) take(h chain.Header, s *state) {
	switch f.weigh(h, s) {
	case believed:
		f.deliver(h)
	case early:
		f.held = append(f.held, h)
		f.held = f.held[max(0, len(f.held)-maxHeld):]
		s.wantPolls()
	case contradicted:
		s.wantPolls() // a fork of this endpoint, or a reorganisation that the others are about to show
	case old:
	}
}

// worth is what a head is worth before it is delivered.
type worth int

const (
	believed     worth = iota
	early              // above what is agreed
	contradicted       // another block is agreed at its height
	old                // delivered, or before what was
)

func (f *feed) weigh(h chain.Header, s *state) worth {
	if !s.snapshot.Quorum {
		if f.has(h) {
			return old
		}
		return believed
	}
	agreed, known := s.ring.At(h.Height)
	switch {
	case f.has(h), known && agreed.Hash == h.Hash && h.Height < f.newest():
		return old
	case known && agreed.Hash != h.Hash:
		return contradicted
	case h.Height > s.snapshot.Agreed.Height+leap, f.detached(h):
		return early
	}
	if lowest, begun := s.ring.Lowest(); begun && h.Height < lowest.Height {
		return old
	}
	return believed
}

// settle delivers what is agreed and was not delivered, then what waited and is corroborated by it.
func (f *feed) settle(s *state) {
	if !s.snapshot.Quorum {
		if !f.blind {
			f.blind = true
			f.pool.log.Error("Heads are not corroborated: there is no quorum of chain endpoints", "endpoint", s.snapshot.Serving)
		}
		f.release(s)
		return
	}
	f.blind = false
	for _, h := range f.undelivered(s) {
		f.deliver(h)
	}
	f.release(s)
}

// undelivered returns the agreed headers on top of the newest one that was delivered, ascending; none while the ring has
// not caught up with the agreed head, because it would lead back. Where nothing joins them to what was delivered, all that
// was is replaced; at the start, or where that is impossible, the newest goes out alone.
func (f *feed) undelivered(s *state) []chain.Header {
	head, begun := s.ring.Head()
	if held, ok := s.ring.At(s.snapshot.Agreed.Height); !begun || !ok || held.Hash != s.snapshot.Agreed.Hash {
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

// release looks again at the heads that wait.
func (f *feed) release(s *state) {
	waiting := f.held
	f.held = nil
	for _, h := range waiting {
		switch f.weigh(h, s) {
		case believed:
			f.deliver(h)
		case early:
			f.held = append(f.held, h)
		case contradicted, old:
		}
	}
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

// detached reports whether the header does not descend from what was delivered below it.
func (f *feed) detached(h chain.Header) bool {
	for i := len(f.trail) - 1; i >= 0 && f.trail[i].Height+1 >= h.Height; i-- {
		if f.trail[i].Height+1 == h.Height {
			return f.trail[i].Hash != h.Parent
		}
	}
	return false
}

func (f *feed) newest() chain.Height {
	if len(f.trail) == 0 {
		return 0
	}
	return f.trail[len(f.trail)-1].Height
}

// wantPolls asks every endpoint for a poll, because there is news that one alone tells.
func (s *state) wantPolls() {
	for _, l := range s.links {
		l.want()
	}
}
