package cluster

import (
	"sync/atomic"
	"time"
)

// Tenure is one session while it is held: what its holder proves itself with, and until when it may act by its own clock.
// It may be asked from any goroutine.
type Tenure struct {
	seal  Seal
	now   func() time.Time
	grant atomic.Pointer[grant] // nil once the session is over
}

// grant is the permission that one renewal gave.
type grant struct {
	sent  time.Time     // before the renewal was sent, monotonic reading included
	lasts time.Duration // from sent: the lease less the margin
}

// Seal returns what proves the session to the store.
func (t *Tenure) Seal() Seal { return t.seal }

// Fence returns what proves the responsibility for an assigned wallet to the store.
func (t *Tenure) Fence(a Assignment) Fence {
	return Fence{Seal: t.seal, Wallet: a.Wallet, Epoch: a.Epoch}
}

// May says whether the holder may act at this moment: nil, or ErrLapsed. It is asked right before anything leaves the
// instance. A process that was stopped gets the right answer before its timers have run.
func (t *Tenure) May() error {
	if t.Left() <= 0 {
		return ErrLapsed
	}
	return nil
}

// Left returns how long the holder may still act unless it renews; 0 if it may not. The monotonic clock of some systems
// stops while the machine is suspended, the wall clock may be set: whichever says that more time has passed is believed.
func (t *Tenure) Left() time.Duration {
	g := t.grant.Load()
	if g == nil {
		return 0
	}
	now := t.now()
	passed := max(now.Sub(g.sent), now.Round(0).Sub(g.sent.Round(0)))
	return max(0, g.lasts-passed)
}

func (t *Tenure) end() { t.grant.Store(nil) }
