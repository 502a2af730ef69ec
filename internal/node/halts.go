package node

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/shared"
)

// halts is which wallets are stopped: on all instances by the shared list, or here alone, until the list has them or the doubt
// about them has ended.
type halts struct {
	changed func() // told after each change; it must return at once

	mu     sync.Mutex
	listed map[chain.WalletID]shared.Halt
	here   map[chain.WalletID]rest
}

// rest is why a wallet is stopped here.
type rest struct {
	reason string
	doubt  bool // it is let go on once the doubt has ended
	// stored is when the wallet was put on the shared list; zero as long as it was not. A list that was read from then on has
	// it, or it was let go on since.
	stored time.Time
}

func newHalts() *halts {
	return &halts{changed: func() {}, here: make(map[chain.WalletID]rest)}
}

// reason says why a wallet is stopped; empty if it is not.
func (h *halts) reason(wallet chain.WalletID) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if listed, ok := h.listed[wallet]; ok {
		return listed.Reason
	}
	return h.here[wallet].reason
}

func (h *halts) stopped(wallet chain.WalletID) bool { return h.reason(wallet) != "" }

// ids returns the wallets that are stopped, in ascending order.
func (h *halts) ids() []chain.WalletID {
	h.mu.Lock()
	defer h.mu.Unlock()
	stopped := make(map[chain.WalletID]bool)
	for id := range h.listed {
		stopped[id] = true
	}
	for id := range h.here {
		stopped[id] = true
	}
	return slices.SortedFunc(maps.Keys(stopped), func(a, b chain.WalletID) int { return slices.Compare(a[:], b[:]) })
}

// list takes the shared list, which began to be read at a moment.
func (h *halts) list(all []shared.Halt, asked time.Time) {
	h.mu.Lock()
	h.listed = make(map[chain.WalletID]shared.Halt, len(all))
	for _, halt := range all {
		if halt.Reason == "" {
			halt.Reason = "stopped" // no reason means not stopped, here
		}
		h.listed[halt.Wallet] = halt
	}
	for id, r := range h.here {
		if !r.stored.IsZero() && asked.After(r.stored) {
			delete(h.here, id)
		}
	}
	h.mu.Unlock()
	h.changed()
}

// stop stops a wallet here, at once, until it was on the shared list.
func (h *halts) stop(wallet chain.WalletID, reason string) { h.set(wallet, rest{reason: reason}) }

// suspend stops a wallet here until release, unless it is stopped already.
func (h *halts) suspend(wallet chain.WalletID, reason string) {
	h.set(wallet, rest{reason: reason, doubt: true})
}

func (h *halts) set(wallet chain.WalletID, r rest) {
	h.mu.Lock()
	known, stopped := h.here[wallet]
	changes := !stopped || known.doubt && !r.doubt
	if changes {
		h.here[wallet] = r
	}
	h.mu.Unlock()
	if changes {
		h.changed()
	}
}

// stored takes that a wallet that is stopped here is on the shared list.
func (h *halts) stored(wallet chain.WalletID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r, ok := h.here[wallet]; ok {
		r.stored = time.Now()
		h.here[wallet] = r
	}
}

// release lets a wallet go on that was suspended.
func (h *halts) release(wallet chain.WalletID) {
	h.mu.Lock()
	suspended := h.here[wallet].doubt
	if suspended {
		delete(h.here, wallet)
	}
	h.mu.Unlock()
	if suspended {
		h.changed()
	}
}
