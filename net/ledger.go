package net

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
)

// maxHeld is how many bytes of untaken messages of one author are kept over all wallets: 8 MiB, thousands of
// honest proposals. At the bound further messages of that author are ignored until some are taken.
const maxHeld = 8 << 20

// What is relayed of one author, over all wallets and whichever of his instances sent it. Our neighbours cut off who sends
// them more than defaultLimits, and it is us who would be cut off for what he says. So it is a quarter of the bytes that
// one instance has there, and half of the messages: 1024 messages are as many RPCs, which cost 2048 of a burst of 4096,
// and 20 a second cost 40 of 100. The rest carries what all others say: 1000 honest leaders at one block cost 2000. An
// honest author stays far below, even one who leads 1000 wallets at one block with 2 KiB each. What finds the budget empty
// is delivered here all the same, and the next copy is relayed instead.
const (
	relayBurst     = 1024    // messages
	relayRate      = 20      // messages a second
	relayByteBurst = 4 << 20 // of 16 MiB
	relayByteRate  = 1 << 18 // bytes a second, of 1 MiB
)

// ledger counts what each author has used up over all wallets of a node: the bytes that lie in inboxes, and what was
// relayed. It has entries only for members of our wallets.
type ledger struct {
	most int

	mu      sync.Mutex
	held    map[chain.Operator]int
	relayed map[chain.Operator]relayed
}

// relayed is what may still be relayed of one author.
type relayed struct{ messages, bytes *rate.Limiter }

func newLedger(most int) *ledger {
	return &ledger{most: most, held: make(map[chain.Operator]int), relayed: make(map[chain.Operator]relayed)}
}

func (l *ledger) hold(author chain.Operator, n int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[author]+n > l.most {
		return false
	}
	l.held[author] += n
	return true
}

// keep is hold for what had its room before: there is always room for it.
func (l *ledger) keep(author chain.Operator, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[author] += n
}

func (l *ledger) release(author chain.Operator, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[author] -= n; l.held[author] <= 0 {
		delete(l.held, author)
	}
}

// relay reports whether another message of an author may be relayed, and counts it.
func (l *ledger) relay(author chain.Operator, size int, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.relayed[author]
	if !ok {
		if len(l.relayed) >= maxAuthors { // members of wallets long left, above all
			maps.DeleteFunc(l.relayed, func(_ chain.Operator, r relayed) bool { return r.full(now) })
		}
		r = relayed{rate.NewLimiter(relayRate, relayBurst), rate.NewLimiter(relayByteRate, relayByteBurst)}
		l.relayed[author] = r
	}
	return r.bytes.AllowN(now, size) && r.messages.AllowN(now, 1)
}

// full reports whether forgetting the author would change nothing.
func (r relayed) full(now time.Time) bool {
	return r.messages.TokensAt(now) >= relayBurst && r.bytes.TokensAt(now) >= relayByteBurst
}
