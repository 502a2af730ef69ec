package net

import (
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
)

// maxBans bounds the list of bans.
const maxBans = 1024

// ErrBan says that a ban cannot be: of ourselves, or of nobody. The rest of the list is in force.
var ErrBan = errors.New("ban refused")

// errTooManyBans says that a list has more than maxBans bans. None of it is in force.
var errTooManyBans = errors.New("too many bans")

// Ban keeps an operator, or one peer, away. One of Operator and Peer is set. What a banned operator signs is dropped
// unread, whoever forwards it, and so not relayed; his instances, or the banned peer, are disconnected and refused, though
// they be configured.
type Ban struct {
	Operator chain.Operator
	Peer     peer.ID
	Until    time.Time // zero for as long as the list has it
	Reason   string    // for people
}

// over reports whether the ban has run out.
func (b Ban) over(now time.Time) bool { return !b.Until.IsZero() && !now.Before(b.Until) }

// outlasts reports whether the ban ends after another.
func (b Ban) outlasts(other Ban) bool {
	return !other.Until.IsZero() && (b.Until.IsZero() || b.Until.After(other.Until))
}

// String says who is banned, why and for how long.
func (b Ban) String() string {
	text := "operator is banned"
	if b.Peer != "" {
		text = "peer is banned"
	}
	if !b.Until.IsZero() {
		text += " until " + b.Until.UTC().Format(time.DateTime) + " UTC"
	}
	if b.Reason != "" {
		text += ": " + b.Reason
	}
	return text
}

// banList is a list of bans. It never changes; another takes its place.
type banList struct {
	operators map[chain.Operator]Ban
	peers     map[peer.ID]Ban
	replaced  chan struct{} // closed when another has taken its place
}

func newBanList() *banList {
	return &banList{
		operators: make(map[chain.Operator]Ban), peers: make(map[peer.ID]Ban), replaced: make(chan struct{}),
	}
}

// add enters a ban that is not over; of two of one subject the longer one counts.
func (l *banList) add(b Ban, now time.Time) {
	switch {
	case b.over(now):
	case b.Peer != "":
		if other, ok := l.peers[b.Peer]; !ok || b.outlasts(other) {
			l.peers[b.Peer] = b
		}
	default:
		if other, ok := l.operators[b.Operator]; !ok || b.outlasts(other) {
			l.operators[b.Operator] = b
		}
	}
}

// operator returns the ban that an operator is under.
func (l *banList) operator(op chain.Operator, now time.Time) (Ban, bool) {
	b, ok := l.operators[op]
	return b, ok && !b.over(now)
}

// of returns the ban that a peer is under, for itself or its operator.
func (l *banList) of(e *entry, now time.Time) (Ban, bool) {
	if b, ok := l.peers[e.id]; ok && !b.over(now) {
		return b, true
	}
	return l.operator(e.operator, now)
}

// look visits every ban.
func (l *banList) look(visit func(Ban)) {
	for _, b := range l.operators {
		visit(b)
	}
	for _, b := range l.peers {
		visit(b)
	}
}

// end returns when the first of the bans ends; zero if none does.
func (l *banList) end() (first time.Time) {
	l.look(func(b Ban) {
		if !b.Until.IsZero() && (first.IsZero() || b.Until.Before(first)) {
			first = b.Until
		}
	})
	return first
}

// SetBans replaces the list of bans. Who is on it no more may come back at once, and is dialed at once if it is configured.
// A ban that cannot be (of our own operator or this peer, or of nobody) is left out and joined into the error; the others
// are in force. With more than maxBans nothing changes (errTooManyBans). Bans for floods are beside it and stay.
func (h *Host) SetBans(list []Ban) error {
	if len(list) > maxBans {
		return fmt.Errorf("%w: %d are more than %d", errTooManyBans, len(list), maxBans)
	}
	var errs []error
	now, bans := time.Now(), newBanList()
	for _, b := range list {
		switch {
		case b.Operator.IsZero() == (b.Peer == ""):
			errs = append(errs, fmt.Errorf("%w: it names an operator or a peer, one of the two", ErrBan))
		case b.Operator == h.table.self:
			errs = append(errs, fmt.Errorf("%w: %v is our own operator", ErrBan, b.Operator))
		case b.Peer == h.host.ID():
			errs = append(errs, fmt.Errorf("%w: %v is this very peer", ErrBan, b.Peer))
		default:
			bans.add(b, now)
		}
	}
	h.table.setBans(bans, now)
	h.admission.nudge()
	return errors.Join(errs...)
}

// setBans puts a list in force.
func (t *table) setBans(l *banList, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.replaceBans(l, now)
}

func (t *table) replaceBans(l *banList, now time.Time) {
	old := t.bans.Swap(l)
	for _, e := range t.peers {
		t.bar(e, now)
	}
	t.settleAll(now)
	close(old.replaced)
}

// liftBans takes those out of the list that are over, and returns when the next one is; zero if none will be.
func (t *table) liftBans(now time.Time) (next time.Time) {
	l := t.bans.Load()
	if end := l.end(); end.IsZero() || now.Before(end) {
		return end
	}
	left := newBanList()
	l.look(func(b Ban) { left.add(b, now) })
	t.replaceBans(left, now)
	return left.end()
}

// keptAway returns why a peer is kept away, whether or not it is connected; empty if it is not.
func (t *table) keptAway(e *entry, now time.Time) string {
	if b, banned := t.bans.Load().of(e, now); banned {
		return b.String()
	}
	if t.isBanned(e.operator) {
		return fmt.Sprintf("operator flooded a wallet's channel; refused until block %d", t.cutoffs.until[e.operator])
	}
	return ""
}

// bar has a peer disconnected that is to be kept away, and notes why. Once that is decided it is final: pubsub has not taken
// up a peer whose connection was made while it was banned, so it must come back on another one.
func (t *table) bar(e *entry, now time.Time) {
	why := t.keptAway(e, now)
	if why == "" || !e.connected || e.cut {
		return
	}
	e.fail(now, why)
	e.cut = true
	t.failures.Banned++
}

// barred returns a channel that is closed when the list of bans changes, if a peer is on it; nil if it is not.
func (t *table) barred(id peer.ID) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.bans.Load()
	e := t.peers[id]
	if e == nil {
		return nil
	}
	if _, banned := l.of(e, time.Now()); !banned {
		return nil
	}
	return l.replaced
}
