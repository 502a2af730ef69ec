package node

import (
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
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
