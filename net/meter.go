package net

import (
	"time"

	"golang.org/x/time/rate"
)

// replayCost is what a message costs, in messages of a peer's bucket, that a forwarder is to blame for. An old replay
// passes signature verification, which is what the bucket protects, and is never of use.
const replayCost = 16

// strikeBurst refused RPCs in a row, then one a second, are put up with: who exceeds the limits for longer is cut
// off. Dropping alone would leave a flooder its connection for good.
const (
	strikeBurst = 64
	strikeRate  = 1
)

// meter is what an operator's instances, or one peer of no operator we know, may still send. It is kept when they
// reconnect.
type meter struct {
	messages *rate.Limiter
	bytes    *rate.Limiter
	strikes  *rate.Limiter
	// inquiries are the questions that it may ask (Inquiry).
	inquiries *rate.Limiter
	// lines is how long it has held streams for them.
	lines *lineTime
}

func newMeter(l Limits) meter {
	return meter{
		messages:  rate.NewLimiter(rate.Limit(l.MessagesPerSecond), l.MessageBurst),
		bytes:     rate.NewLimiter(rate.Limit(l.BytesPerSecond), l.ByteBurst),
		strikes:   rate.NewLimiter(strikeRate, strikeBurst),
		inquiries: newInquiryLimiter(),
		lines:     new(lineTime),
	}
}

// weighed is the meter's answer.
type weighed int

const (
	withinLimits  weighed = iota
	beyondLimits          // drop it
	beyondBearing         // drop it, and the peer
)

// weigh takes n messages of size bytes together out of the buckets.
func (m meter) weigh(now time.Time, n, size int) weighed {
	if m.messages.AllowN(now, n) && m.bytes.AllowN(now, size) {
		return withinLimits
	}
	return m.strike(now)
}

// charge takes what a worthless message costs out of the message bucket; an empty one is a strike.
func (m meter) charge(now time.Time) weighed {
	if m.messages.AllowN(now, replayCost) {
		return withinLimits
	}
	return m.strike(now)
}

func (m meter) strike(now time.Time) weighed {
	if m.strikes.AllowN(now, 1) {
		return beyondLimits
	}
	return beyondBearing
}
