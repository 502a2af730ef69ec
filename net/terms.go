package net

import (
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// heard enters a peer's terms.
func (t *table) heard(id peer.ID, terms wire.Terms) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.peers[id]; e != nil && e.connected {
		if terms.Admitted && (e.terms == nil || !e.terms.Admitted) {
			t.reached.Add(1)
		}
		e.terms = &terms
	}
}

// terms returns what a peer is told: our parameters, and the rosters of the wallets that its operator shares with us.
// The rosters of other wallets are none of its business.
func (t *table) terms(id peer.ID, now time.Time) wire.Terms {
	t.mu.Lock()
	defer t.mu.Unlock()
	terms := wire.Terms{Params: t.params, Rosters: make(map[chain.WalletID][32]byte)}
	e := t.peers[id]
	if e == nil {
		return terms
	}
	terms.Admitted = e.admitted
	operator := e.proven(now)
	for wallet, ch := range t.channels {
		if len(terms.Rosters) == wire.MaxRosters {
			break
		}
		if ch.wallet.Holds(operator) {
			terms.Rosters[wallet] = ch.roster
		}
	}
	return terms
}

// mismatched reports whether an instance of the operator has told parameters, or a roster of the wallet, that differ
// from ours. What was said last counts until the delegation under which it was said ends, connected or not.
func (t *table) mismatched(op chain.Operator, ch *Channel, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.peers {
		if e.terms == nil || e.proven(now) != op {
			continue
		}
		roster, told := e.terms.Rosters[ch.wallet.ID()]
		if e.terms.Params != t.params || told && roster != ch.roster {
			return true
		}
	}
	return false
}

// tell has our terms told anew to whom they have changed for: of a wallet to all of its operators, who hear of its roster by them; of
// a topic to those alone who are admitted for nothing else.
func (t *table) tell(changed []chain.Operator) {
	for _, e := range t.peers {
		if e.connected && slices.Contains(changed, e.operator) {
			e.dialogue.untold = true
		}
	}
}

// tellAll has a new delegation of ours told to everybody.
func (t *table) tellAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, e := range t.peers {
		e.dialogue.untold = e.connected
	}
}
