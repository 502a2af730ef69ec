package net

import (
	"maps"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
)

// ban cuts the author of a flood off until a height: what is signed by it is dropped unread, whoever forwards it, and its
// instances are disconnected and refused. Our own operator's instances stay: if our key floods, our siblings are the
// victims as we are. It reports whether the author was cut off for as long before.
func (t *table) ban(author peer.ID, op chain.Operator, until chain.Height, now time.Time) (known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	height := t.height()
	if _, ok := t.authors[author]; ok && t.banned[op] >= until {
		return true
	}
	maps.DeleteFunc(t.banned, func(_ chain.Operator, until chain.Height) bool { return height >= until })
	maps.DeleteFunc(t.authors, func(_ peer.ID, op chain.Operator) bool { return t.banned[op] == 0 })
	t.banned[op] = max(t.banned[op], until)
	t.authors[author] = op
	for _, e := range t.peers {
		if e.operator == op {
			t.bar(e, now)
			t.settle(e, now)
		}
	}
	return false
}

// isBanned reports whether instances of an operator are refused for a flood.
func (t *table) isBanned(op chain.Operator) bool {
	until := t.banned[op]
	return until != 0 && op != t.self && t.height() < until
}

// silenced reports whether messages of an author are dropped. Those of our own operator never are: a thief of our key who
// floods one wallet's channel could else say what he likes on the others, unheard by us.
func (t *table) silenced(author peer.ID, now time.Time) bool {
	if bans := t.bans.Load(); len(bans.operators) > 0 {
		if _, banned := bans.operator(t.keys.operator(author), now); banned {
			return true
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	op, ok := t.authors[author]
	return ok && op != t.self && t.height() < t.banned[op]
}

// blacklist is pubsub's view of the banned authors. Unlike pubsub's own it forgets.
type blacklist struct{ table *table }

// Add does nothing: only ban decides.
func (b blacklist) Add(peer.ID) bool { return false }

// Contains reports whether an author's messages are dropped.
func (b blacklist) Contains(id peer.ID) bool { return b.table.silenced(id, time.Now()) }
