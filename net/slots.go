package net

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// Budgets of one slot: what one author can say for one window of one wallet (rules R2, R6).
const (
	// maxStatements distinct statements are kept and relayed: one is a proposal, two are proof of equivocation,
	// and a third proves nothing more.
	maxStatements = 2
	// maxCopies of each are relayed: the first broadcast and the seven retransmissions that fall into 80 blocks.
	maxCopies = 8
	// maxEnvelopes distinct envelopes of one statement are known. An honest operator makes one, and sends it again; its
	// instances make one each if they all lead. What is beyond is excess.
	maxEnvelopes = 8
	// maxExcess further statements and envelopes are ignored; then the author is cut off. An honest author never has one.
	maxExcess = 16
)

// slotKey names what one author says for one window.
type slotKey struct {
	window chain.Height
	author chain.Operator
}

// slot is what is remembered of it: digests and numbers, not payloads. At most 2 statements of 8 copies in 8
// envelopes, ~800 bytes and ~2 KiB more in the inbox's index, whatever the author sends.
type slot struct {
	statements []statement
	excess     int
}

// statement is one thing said, and the copies of it that passed.
type statement struct {
	digest    [32]byte
	envelopes [][32]byte // of those that said it, at most maxEnvelopes
	copies    []uint64   // their numbers (copyNumber), at most maxCopies
	reach     uint64     // who could be reached when the newest copy passed
}

// claim is one message as the table sees it.
type claim struct {
	digest   [32]byte // of the statement
	envelope [32]byte // of author and envelope, byte for byte
	copyOf   uint64   // the message's number: equal for one and the same message (copyNumber)
	reach    uint64   // counts up whenever somebody comes into reach whom an earlier copy may have missed
}

// outcome is what the table makes of one message.
type outcome int

const (
	slotFirst  outcome = iota // a statement not seen before: deliver and relay
	slotCopy                  // another copy of a known one: relay only
	slotReplay                // exactly the same message again: an honest neighbour may have heard it only now
	slotSpent                 // one copy too many: nobody is to blame, a restarted leader may send more
	slotExcess                // a third statement, or one more envelope of a known one: ignore, the author is to blame
	slotFlood                 // so many of them that the author must be cut off
)

// slots is the table of one wallet. It is bounded by the wallet's operators times two windows.
type slots map[slotKey]*slot

// offer records one message of a member and says what becomes of it.
func (t slots) offer(key slotKey, what claim) outcome {
	s := t[key]
	if s == nil {
		s = new(slot)
		t[key] = s
	}
	i := slices.IndexFunc(s.statements, func(known statement) bool { return known.digest == what.digest })
	switch {
	case i >= 0:
		if again := s.statements[i].again(what); again != slotExcess {
			return again
		}
		return t.exceed(key)
	case len(s.statements) < maxStatements:
		s.statements = append(s.statements, statement{
			digest: what.digest, envelopes: [][32]byte{what.envelope}, copies: []uint64{what.copyOf}, reach: what.reach,
		})
		return slotFirst
	default:
		return t.exceed(key)
	}
}

// exceed charges one statement beyond the budget to a slot.
func (t slots) exceed(key slotKey) outcome {
	s := t[key]
	if s == nil {
		s = new(slot)
		t[key] = s
	}
	if s.excess >= maxExcess {
		return slotFlood
	}
	s.excess++
	return slotExcess
}

// withdraw takes back the statement that offer entered last.
func (t slots) withdraw(key slotKey) {
	s := t[key]
	s.statements = s.statements[:len(s.statements)-1]
}

func (s *statement) again(what claim) outcome {
	switch {
	case slices.Contains(s.copies, what.copyOf):
		return slotReplay
	case !s.learn(what.envelope):
		return slotExcess
	case len(s.copies) >= maxCopies:
		return slotSpent
	default:
		s.copies, s.reach = append(s.copies, what.copyOf), what.reach
		return slotCopy
	}
}

// learn remembers an envelope of the statement; false if it is one too many.
func (s *statement) learn(envelope [32]byte) bool {
	if slices.Contains(s.envelopes, envelope) {
		return true
	}
	if len(s.envelopes) >= maxEnvelopes {
		return false
	}
	s.envelopes = append(s.envelopes, envelope)
	return true
}

// knows reports whether a statement is in the table.
func (t slots) knows(key slotKey, digest [32]byte) bool {
	s := t[key]
	return s != nil && slices.ContainsFunc(s.statements, func(known statement) bool { return known.digest == digest })
}

// unreached is a reach that never was: the next copy of such a statement is one that somebody needs.
const unreached = ^uint64(0)

// unsent takes a copy that offer entered last back, because it is not relayed: the next one is.
func (t slots) unsent(key slotKey, digest [32]byte) {
	for i := range t[key].statements {
		if s := &t[key].statements[i]; s.digest == digest {
			s.copies, s.reach = s.copies[:len(s.copies)-1], unreached
		}
	}
}

// forget drops the windows that are of no use any more.
func (t slots) forget(forgotten func(window chain.Height) bool) {
	for key := range t {
		if forgotten(key.window) {
			delete(t, key)
		}
	}
}
