package net

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// envelopeID names an envelope of an author byte for byte.
func envelopeID(from, data []byte) [32]byte {
	h := sha256.New()
	h.Write(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(len(from)))) // a hash's Write never fails
	h.Write(from)
	h.Write(data)
	return [32]byte(h.Sum(nil))
}

// redundant reports whether a message may be dropped before its signature is verified: its author is known to have said
// this very envelope, so that the message says nothing new whoever made it, and a copy has been relayed to everybody who
// is in reach now. So a leader's retransmissions are verified where they are needed, and nowhere else: whoever has come
// into reach since (Channel.reach) gets the next one.
//
// Nobody is believed unverified by this. What the message claims changes no state: it is charged to no budget of the
// author, it is not remembered, and one that differs in a single byte of the envelope is another one. What is about a
// window that is over is left to the verifying path, which has the forwarder pay for what is long over.
func (b *Inbox) redundant(from, data []byte, message func() [32]byte, height chain.Height, reach uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.envelopes) == 0 {
		return false
	}
	id := envelopeID(from, data)
	key, known := b.envelopes[id]
	if !known || b.schedule.age(key.window, height) != ageLive {
		return false
	}
	s := b.slots[key]
	if s == nil {
		return false
	}
	for i := range s.statements {
		if slices.Contains(s.statements[i].envelopes, id) {
			return s.statements[i].settled(message, reach)
		}
	}
	return false
}

// settled reports whether a copy would reach nobody new, or is one that was relayed before. Which one it is is asked last:
// the answer costs a hash, and seldom counts.
func (s *statement) settled(message func() [32]byte, reach uint64) bool {
	return s.reach == reach || len(s.copies) >= maxCopies || slices.Contains(s.copies, copyNumber(message()))
}
