package node

import (
	"math"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/view"
)

// paceDepth is how many heads the pace is measured over: with blocks of 12 s, the last 13 minutes.
const paceDepth = 64

// pace measures the time between blocks by when they were received, for saying in minutes how far off a block is. A
// chain whose own timestamps are not real (a devnet's) is measured as well as any other.
type pace struct {
	mu    sync.Mutex
	heads []sighting // oldest first, at most paceDepth, heights rising
}

type sighting struct {
	height chain.Height
	at     time.Time
}

// observe enters a new head. Heights that go back (a reorganisation) take what they replace with them.
func (p *pace) observe(h chain.Height, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := len(p.heads); n > 0 && p.heads[n-1].height >= h; n = len(p.heads) {
		p.heads = p.heads[:n-1]
	}
	if len(p.heads) == paceDepth {
		p.heads = append(p.heads[:0], p.heads[1:]...)
	}
	p.heads = append(p.heads, sighting{h, at})
}

// blockTime returns the mean time between blocks, or otherwise if fewer than two heads were seen.
func (p *pace) blockTime(otherwise time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.heads) < 2 {
		return otherwise
	}
	first, last := p.heads[0], p.heads[len(p.heads)-1]
	return last.at.Sub(first.at) / time.Duration(last.height-first.height)
}

// about says how long a number of blocks takes; otherwise is the time of one if fewer than two heads were seen. Any height
// can be asked for, so that the time may be longer than a time.Duration can be.
func (p *pace) about(blocks chain.Height, otherwise time.Duration) string {
	seconds := float64(blocks) * p.blockTime(otherwise).Seconds()
	return view.Span(int64(min(seconds, math.MaxInt64/2)))
}
