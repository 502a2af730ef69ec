package net

import (
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multistream"
	"golang.org/x/time/rate"
)

// Delays of exchanges.
const (
	// exchangePause lies between two exchanges that we begin with one peer.
	exchangePause = time.Second
	// foreignPause is the same for a peer that does not speak the protocol.
	foreignPause = 10 * time.Second
	// exchangeBurst exchanges in a row, then one a second, are served: each costs a signature check.
	exchangeBurst = 5
)

// dialogue is how far a peer and we have told each other who we are: one exchange at a time that we run, and one that it runs. It is part of
// the peer's entry, and guarded as that is.
type dialogue struct {
	untold bool      // it has to be told our delegation and terms
	next   time.Time // not told before
	ours   bool      // we run an exchange with it
	theirs bool      // it runs an exchange with us
	budget *rate.Limiter
}

func newDialogue() dialogue { return dialogue{budget: rate.NewLimiter(1, exchangeBurst)} }

// waits reports whether the peer is to be told something as soon as it is time, and nobody is about it.
func (d *dialogue) waits() bool { return d.untold && !d.ours }

// begin claims our exchange; false if it is under way.
func (d *dialogue) begin() bool {
	if d.ours {
		return false
	}
	d.ours, d.untold = true, false // what changes from here on needs another exchange
	return true
}

// end gives our exchange back. The next one is later if the peer does not speak the protocol: it may be another client, or a node of ours
// that has only just begun to listen.
func (d *dialogue) end(now time.Time, err error) {
	pause := exchangePause
	if errors.Is(err, multistream.ErrNotSupported[protocol.ID]{}) {
		pause = foreignPause
	}
	d.ours, d.next = false, now.Add(pause)
}

// serve claims the peer's exchange, at a bounded rate; false if it has to wait.
func (d *dialogue) serve(now time.Time) bool {
	if d.theirs || !d.budget.AllowN(now, 1) {
		return false
	}
	d.theirs = true
	return true
}
