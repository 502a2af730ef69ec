package net

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"github.com/walletnode/walletnode/chain"
)

// Bounds of who may ask at once.
const (
	// maxInquirers streams are served at once, inquiriesOf of them of one operator, and one of each once half of the places are taken;
	// whoever comes beyond is told to come again. A stream is a goroutine, a buffer of 4 KiB, a question and an answer.
	maxInquirers = 64
	inquiriesOf  = 2
	// narrow is the most bytes of a question or an answer that any of them may hold: a statement as long as pubsub keeps them, and as much
	// again. maxWide of them hold more at a time, one of an operator: that is 2 MiB each where two statements are as long as they may be.
	narrow  = 128 << 10
	maxWide = 8
	// inquiryTime is how long an operator's streams may last together, inquiryRecovery how long it takes until as much may be used again.
	// Who holds places without asking would else hold them for ever: so it takes 320 operators to keep the others out.
	inquiryTime     = 2 * time.Minute
	inquiryRecovery = 10 * time.Minute
)

// crowded is what they are told who come beyond the places.
const crowded = "too many ask at once: come again later"

// inquirers are the streams on which operators ask us now; the table's mutex guards them.
type inquirers struct {
	streams map[chain.Operator]int     // at most maxInquirers together
	wide    map[chain.Operator]peer.ID // who of an operator's peers holds more than narrow bytes; at most maxWide
}

func newInquirers() inquirers {
	return inquirers{streams: make(map[chain.Operator]int), wide: make(map[chain.Operator]peer.ID)}
}

// room reports whether there is a place for one more stream of an operator.
func (i inquirers) room(by chain.Operator) bool {
	all := 0
	for _, n := range i.streams {
		all += n
	}
	of := i.streams[by]
	return of < inquiriesOf && all < maxInquirers && (of == 0 || all < maxInquirers/2)
}

// widen lets one of an operator's peers hold more than narrow bytes, if there is a place for that.
func (i inquirers) widen(id peer.ID, by chain.Operator) bool {
	if holder, ok := i.wide[by]; ok {
		return holder == id
	}
	if len(i.wide) >= maxWide {
		return false
	}
	i.wide[by] = id
	return true
}

// leave gives back what a peer's stream had.
func (i inquirers) leave(id peer.ID, by chain.Operator) {
	if i.wide[by] == id {
		delete(i.wide, by)
	}
	if i.streams[by]--; i.streams[by] == 0 {
		delete(i.streams, by)
	}
}

// beginInquiry claims a stream for a peer; it returns for whom the peer speaks, or why it gets none.
func (t *table) beginInquiry(id peer.ID, now time.Time) (by chain.Operator, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.peers[id]
	if e == nil || !e.admitted || t.members[e.proven(now)] == 0 {
		return chain.Operator{}, "it is not known for which operator of a common wallet you speak"
	}
	by = e.proven(now)
	switch {
	case e.inquiring || !t.inquirers.room(by):
		return by, crowded
	case t.meterOf(e, by).lines.used(now) >= inquiryTime:
		return by, "your questions have taken too long: come again later"
	}
	e.inquiring = true
	t.inquirers.streams[by]++
	return by, ""
}

// endInquiry gives a stream's place back and notes how long it was held.
func (t *table) endInquiry(id peer.ID, by chain.Operator, began, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inquirers.leave(id, by)
	if m, ok := t.meters[by]; ok {
		m.lines.use(now, now.Sub(began))
	}
	if e := t.peers[id]; e != nil {
		e.inquiring = false
	}
}

// mayHold reports whether a stream may hold so many bytes. Who holds many has one of the few places for it until the stream ends.
func (t *table) mayHold(id peer.ID, by chain.Operator, size int) bool {
	if size <= narrow {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inquirers.widen(id, by)
}

// lineTime is how long an operator has held streams, less what it has recovered since. Several streams at once may use more than it is
// allowed; then it takes longer until the next may begin.
type lineTime struct {
	held time.Duration
	at   time.Time
}

func (l *lineTime) used(now time.Time) time.Duration {
	if !l.at.IsZero() {
		l.held = max(0, l.held-now.Sub(l.at)/(inquiryRecovery/inquiryTime))
	}
	l.at = now
	return l.held
}

func (l *lineTime) use(now time.Time, d time.Duration) { l.held = l.used(now) + d }

// mayInquire counts one question of an operator.
func (t *table) mayInquire(by chain.Operator, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.meters[by]
	return ok && m.inquiries.AllowN(now, 1)
}

func newInquiryLimiter() *rate.Limiter { return rate.NewLimiter(inquiryRate, inquiryBurst) }
