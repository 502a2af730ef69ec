package cluster

import (
	"errors"
	"fmt"
	"time"
)

// Timing is the rhythm of a session.
type Timing struct {
	// TTL is how long a lease lasts in the database from one renewal, and so how long a dead instance's wallets wait.
	TTL time.Duration
	// Renewal is the time from the start of one renewal to that of the next.
	Renewal time.Duration
	// Margin is how much earlier than the database the holder takes its lease to be over: what the database's clock may
	// jump by, and the clocks may drift in a TTL, before two instances believe themselves responsible.
	Margin time.Duration
}

// DefaultTiming takes a dead instance's wallets over after ten seconds, 1 % of a window's active phase, and survives two
// renewals in a row that fail.
func DefaultTiming() Timing {
	return Timing{TTL: 10 * time.Second, Renewal: 2500 * time.Millisecond, Margin: 1500 * time.Millisecond}
}

// The bounds of a Timing.
const (
	minTTL     = 4 * time.Second        // below it, a slow commit or a collection of garbage costs the lease
	maxTTL     = 2 * time.Minute        // above it, a failover takes an eighth of an active phase
	minRenewal = 200 * time.Millisecond // five writes a second and instance
	minMargin  = 500 * time.Millisecond // what clocks of one distributed database may differ by
)

// Validate joins every complaint. A session must survive one renewal that fails: two fit between the first and the deadline.
func (t Timing) Validate() error {
	var errs []error
	if t.TTL < minTTL || t.TTL > maxTTL {
		errs = append(errs, fmt.Errorf("lease ttl %v is not within %v .. %v", t.TTL, minTTL, maxTTL))
	}
	if t.Renewal < minRenewal {
		errs = append(errs, fmt.Errorf("lease renewal %v is below %v", t.Renewal, minRenewal))
	}
	if t.Margin < minMargin {
		errs = append(errs, fmt.Errorf("lease margin %v is below %v", t.Margin, minMargin))
	}
	if len(errs) == 0 && 2*t.Renewal > t.TTL-t.Margin {
		errs = append(errs, fmt.Errorf("lease ttl %v less its margin %v leaves no room for two renewals of %v", t.TTL, t.Margin, t.Renewal))
	}
	return errors.Join(errs...)
}

// Mourning is how long, after a database lost commits, an instance is waited for that does not come back to compare its
// journal: from the end of its lease or the first comparison of the others, whichever was later. It is longer than an active
// phase of 80 blocks, some 16 minutes: whatever that instance may have said, the window is over by then.
const Mourning = 20 * time.Minute
