package devnet

import (
	"log/slog"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
)

const (
	// slack is how many blocks the chain may be ahead of the slowest node that it waits for.
	slack = 5
	// forbearance is how long it waits for one block of that node. It is less than the silence after which the clocks of the
	// others count as stale.
	forbearance = minSilence / 2
)

// leash keeps the chain from running away from the nodes: blocks come a hundred times as fast as Ethereum's, so a pause
// that costs a real node nothing would cost one of ours a window. A node joins it when it starts and leaves it when it
// stops, or before heads are kept from it.
type leash struct {
	log *slog.Logger

	mu     sync.Mutex
	clocks map[string]clock // by whom they belong to
	at     chain.Height     // where the chain waits
	since  time.Time        // since when
	pause  time.Duration    // after each block, at least
}

// clock shows how far a node is; a *chain.Clock is one.
type clock interface {
	Height() chain.Height
}

func newLeash(log *slog.Logger) *leash {
	return &leash{log: log, clocks: make(map[string]clock)}
}

func (l *leash) join(who string, clock clock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clocks[who] = clock
}

func (l *leash) leave(who string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.clocks, who)
}

// slow makes the chain wait for so long after each block, at least; 0 lets it go at its own pace.
func (l *leash) slow(pause time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause = pause
}

// taut reports whether a chain at this height has to wait for somebody. Who does not come in time is left behind.
func (l *leash) taut(height chain.Height) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if height != l.at {
		l.at, l.since = height, time.Now()
	}
	patient := time.Since(l.since) < forbearance
	waits := time.Since(l.since) < l.pause
	for who, clock := range l.clocks {
		switch shown := clock.Height(); {
		case shown+slack >= height:
		case patient:
			waits = true
		default:
			l.log.Warn("The chain no longer waits for a node", "node", who, "shows", shown, "chain", height)
			delete(l.clocks, who)
		}
	}
	return waits
}
