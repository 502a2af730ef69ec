package net

import (
	"maps"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
)

// cutoffs are the authors who are cut off for floods. Only members can be, so they bound it; the table's mutex guards it.
type cutoffs struct {
	until   map[chain.Operator]chain.Height // cut off until this height
	authors map[peer.ID]chain.Operator      // the same by the peer ID under which they sign
}

func newCutoffs() cutoffs {
	return cutoffs{until: make(map[chain.Operator]chain.Height), authors: make(map[peer.ID]chain.Operator)}
}

// add enters an author and forgets who is cut off no more; false if the author was cut off for as long before.
func (c cutoffs) add(author peer.ID, op chain.Operator, until, height chain.Height) bool {
	if _, ok := c.authors[author]; ok && c.until[op] >= until {
		return false
	}
	maps.DeleteFunc(c.until, func(_ chain.Operator, until chain.Height) bool { return height >= until })
	maps.DeleteFunc(c.authors, func(_ peer.ID, op chain.Operator) bool { return c.until[op] == 0 })
	c.until[op] = max(c.until[op], until)
	c.authors[author] = op
	return true
}

// ban cuts the author of a flood off until a height: what is signed by it is dropped unread, whoever forwards it, and its
// instances are disconnected and refused. Our own operator's instances stay: if our key floods, our siblings are the
// victims as we are. It reports whether the author was cut off for as long before.
func (t *table) ban(author peer.ID, op chain.Operator, until chain.Height, now time.Time) (known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.cutoffs.add(author, op, until, t.height()) {
		return true
	}
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
	until := t.cutoffs.until[op]
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
	op, ok := t.cutoffs.authors[author]
	return ok && op != t.self && t.height() < t.cutoffs.until[op]
}

// blacklist is pubsub's view of the banned authors. Unlike pubsub's own it forgets.
type blacklist struct{ table *table }

// Add does nothing: only ban decides.
func (b blacklist) Add(peer.ID) bool { return false }

// Contains reports whether an author's messages are dropped.
func (b blacklist) Contains(id peer.ID) bool { return b.table.silenced(id, time.Now()) }
