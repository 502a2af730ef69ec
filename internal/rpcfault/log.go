package rpcfault

import (
	"maps"
	"sync"

	"github.com/walletnode/walletnode/chain"
)

// Kind is a sort of wrong answer.
type Kind string

// The kinds, one for each fault.
const (
	KindCut          Kind = "cut"          // connections broken or refused
	KindHang         Kind = "hang"         // questions left without an answer, and heads not pushed
	KindRateLimited  Kind = "rate limited" // refusals
	KindUnauthorized Kind = "unauthorized" // refusals
	KindSlow         Kind = "slow"         // answers delayed
	KindNull         Kind = "null"         // answers
	KindSilent       Kind = "silent"       // heads not pushed
	KindLag          Kind = "lag"          // answers that an endpoint that keeps up would not have given
	KindJump         Kind = "jump"         // made-up blocks, and heights
	KindFork         Kind = "fork"         // blocks of the own branch
	KindLie          Kind = "lie"          // the wrong block
	KindWithhold     Kind = "withhold"     // heads not pushed or not told
	KindChainID      Kind = "chain id"     // answers
	KindSyncing      Kind = "syncing"      // answers
	KindPeers        Kind = "peers"        // answers, refusals included
)

// Tally is how often a fault showed.
type Tally struct {
	Times int // how many answers, refusals, connections or pushed heads
	// Heights is how many different blocks they were about, at most 4096 are told apart; Lowest and Highest are among
	// which. All are 0 for what is about no block.
	Heights         int
	Lowest, Highest chain.Height
}

// Log is what an endpoint answered wrongly, by the fault it was for.
type Log map[Kind]Tally

// mostHeights bounds what a log remembers of one fault: more than four windows' distance.
const mostHeights = 4096

// book is a log being written.
type book struct {
	mu      sync.Mutex
	tallies Log
	heights map[Kind]map[chain.Height]struct{}
}

func newBook() *book {
	return &book{tallies: make(Log), heights: make(map[Kind]map[chain.Height]struct{})}
}

// note enters something that is about no block.
func (b *book) note(k Kind) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tallies[k]
	t.Times++
	b.tallies[k] = t
}

// noteAt enters something that is about a block.
func (b *book) noteAt(k Kind, h chain.Height) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tallies[k]
	t.Times++
	seen := b.heights[k]
	if seen == nil {
		seen = make(map[chain.Height]struct{})
		b.heights[k] = seen
	}
	if len(seen) == 0 || h < t.Lowest {
		t.Lowest = h
	}
	t.Highest = max(t.Highest, h)
	if len(seen) < mostHeights {
		seen[h] = struct{}{}
	}
	t.Heights = len(seen)
	b.tallies[k] = t
}

func (b *book) read() Log {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.tallies)
}
