package net

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// PeerState is where a peer stands with us.
type PeerState string

// The states.
const (
	PeerDisconnected PeerState = "disconnected"
	PeerWaiting      PeerState = "waiting"  // connected, has not proved an operator we know
	PeerAdmitted     PeerState = "admitted" // connected, its messages count
	PeerRefused      PeerState = "refused"  // cut off and refused for some time
)

// PeerInfo is what is known of one peer. It is kept after the peer has gone, as long as there is room.
type PeerInfo struct {
	ID             peer.ID
	Operator       chain.Operator // for whom it has proved to speak; zero if unknown
	Static         bool           // configured
	State          PeerState
	Addrs          []string  // addresses of its connections, or those it was last reached at
	ConnectedSince time.Time // zero if it is not connected
	ProofExpires   time.Time // when its delegation ends; zero if it has none
	RefusedUntil   time.Time // zero if it is not refused
	TermsKnown     bool      // it has told its parameters and rosters
	ParamsMatch    bool      // its parameters equal ours; false while TermsKnown is
	AdmitsUs       bool      // it has said that it admits us
	LastError      string    // what last went wrong with it, or why it was cut off
	LastErrorAt    time.Time
	Relaying       Relaying // what it did with what others said; a suspicion at most
}

// entry is the state of one peer, guarded by the table's mutex.
type entry struct {
	id     peer.ID
	own    chain.Operator // whose own key the peer ID is; zero for instances with a key of their own
	static bool
	alone  meter // while its operator is none of our wallets'
	meter  meter // what it draws on: alone, or what all instances of its operator share

	connected bool
	since     time.Time
	seen      time.Time // when it last came or went; the longest unseen is forgotten first
	addrs     []string
	gone      chan struct{} // closed when the connection ends

	operator   chain.Operator // proved by delegation, or own
	proofUntil time.Time      // clock skew included; zero without a delegation
	terms      *wire.Terms
	admitted   bool
	counted    chain.Operator // under which operator it is counted as connected; zero if it is not
	place      chain.Operator // of which operator's places it holds one; zero if it holds none

	deadline     time.Time // when it is cut off unless it is admitted by then
	refusedUntil time.Time
	stranger     bool // it is refused only because its operator was unknown
	cut          bool // to be disconnected now

	topics    map[string]struct{} // channels that it has announced, at most maxTopics
	ownTopics map[string]struct{} // topics of our own that it has announced, at most maxTopics

	dialogue dialogue

	handouts  handouts
	inquiring bool // it asks us on a stream

	lastErr   string
	lastErrAt time.Time
}

// Bounds of what a peer can make us keep.
const (
	// maxPeers entries are kept, ~2 KiB each and up to 80 KiB with the terms of 1000 wallets. Beyond, the peer
	// longest unseen is forgotten; if all are connected, the new one is turned away.
	maxPeers = 1024
	// maxWaiting peers may be connected without having proved anything. Beyond, a newcomer takes the place of who has
	// waited longest: strangers that just sit there would else keep everybody out, while an honest instance proves itself
	// within two round trips.
	maxWaiting = 64
	// maxInstances of one operator are admitted at once. Who came first stays, so that nobody with a stolen key can push the
	// others out; whoever comes beyond waits for a place until its deadline.
	maxInstances = 16
	// busyInstances of one operator may forward as much as one ever needs to, all at the same time; those beyond share what
	// that is. Of sixteen, so many at most are neighbours of ours in a wallet's mesh, as a rule. Our siblings have what all of
	// them need: to cut them off is our own loss.
	busyInstances = 4
)

// Delays of admission.
const (
	// strangerPause is how long a peer of no known operator is refused after it was cut off; joining a wallet
	// ends it early.
	strangerPause = 30 * time.Second
	// floodPause is how long a peer is refused that was cut off for flooding.
	floodPause = 10 * time.Minute
)

func newEntry(id peer.ID, limits Limits) *entry {
	e := &entry{id: id, alone: newMeter(limits), dialogue: newDialogue(), handouts: newHandouts()}
	e.meter = e.alone
	if key, err := wire.ParsePeerID([]byte(id)); err == nil {
		e.own = key.Operator()
		e.operator = e.own
	}
	return e
}

// proven returns the operator that the peer speaks for now; zero if its proof has run out or never was.
func (e *entry) proven(now time.Time) chain.Operator {
	if !e.own.IsZero() || now.Before(e.proofUntil) {
		return e.operator
	}
	return chain.Operator{}
}

func (e *entry) fail(now time.Time, what string) {
	e.lastErr, e.lastErrAt = what, now
}

// refuse has the peer disconnected and kept away for a while.
func (e *entry) refuse(now time.Time, pause time.Duration, why string) {
	e.fail(now, why)
	e.cut = e.connected
	e.refusedUntil = now.Add(pause)
}

func (e *entry) state(now time.Time) PeerState {
	switch {
	case e.admitted:
		return PeerAdmitted
	case now.Before(e.refusedUntil):
		return PeerRefused
	case e.connected:
		return PeerWaiting
	default:
		return PeerDisconnected
	}
}

func (e *entry) info(now time.Time, params [32]byte) PeerInfo {
	i := PeerInfo{
		ID: e.id, Operator: e.proven(now), Static: e.static, State: e.state(now), Addrs: e.addrs,
		TermsKnown: e.terms != nil, LastError: e.lastErr, LastErrorAt: e.lastErrAt,
	}
	if e.connected {
		i.ConnectedSince = e.since
	}
	if !e.proofUntil.IsZero() {
		i.ProofExpires = e.proofUntil.Add(-clockSkew)
	}
	if now.Before(e.refusedUntil) {
		i.RefusedUntil = e.refusedUntil
	}
	if e.terms != nil {
		i.ParamsMatch, i.AdmitsUs = e.terms.Params == params, e.terms.Admitted
	}
	return i
}
