package net

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// Postponed is a message that was put off, and whose signature has been verified since.
type Postponed struct {
	Said
	Height chain.Height // our own when it came
}

// Postponable names the slot that a message of an operator fills, of which there should be one; false if the message is needed now.
// Neither the operator nor the data is verified. It is called in the network's main loop and must return at once.
type Postponable func(by chain.Operator, data []byte) (slot string, postponed bool)

// What may be put off; what is beyond is taken at once, as everything else is.
const (
	// maxPostponed is bytes of all topics of a host together, maxPostponedSlots are those of one of them.
	maxPostponed, maxPostponedSlots = 16 << 20, 4096
	// postponedCost is what a message counts for beside its bytes.
	postponedCost = 256
)

// postponement is the messages of one topic that are neither verified nor passed on until it is known whether anybody here has a use for
// them. Unverified as they are, they change nothing but whether an equal one is taken: of each author and slot the first message is put
// off, with its copies, and all others are taken. So a forgery that comes first has the real one taken at once, and what is said again,
// signed anew, is taken, kept and relayed: whoever is reached by our relaying alone hears what is repeated.
type postponement struct {
	budget *atomic.Int64 // bytes that are held, by all topics

	mu    sync.Mutex
	which Postponable // nil: nothing is put off
	slots map[postponedSlot]*postponed
}

type postponedSlot struct {
	author chain.Operator
	slot   string
}

// postponed is the first message of a slot.
type postponed struct {
	data, seqno, signature []byte
	height                 chain.Height
	size                   int64
	message                func() []byte // encoded; nil once it was recalled
}

// putOff reports whether a message is put off, or a copy of one that was. Of an idle one nobody
// takes notice here: it is known already, or by somebody who is not heard.
func (p *postponement) putOff(by chain.Operator, m unverified, idle func() bool, height chain.Height) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.which == nil {
		return false
	}
	slot, wait := p.which(by, m.data)
	if !wait {
		return false
	}
	at := postponedSlot{by, slot}
	if first := p.slots[at]; first != nil {
		return bytes.Equal(first.signature, m.signature) && bytes.Equal(first.seqno, m.seqno) && bytes.Equal(first.data, m.data)
	}
	size := int64(len(m.data) + postponedCost)
	if idle() || len(p.slots) >= maxPostponedSlots {
		return false
	}
	if p.budget.Add(size) > maxPostponed {
		p.budget.Add(-size)
		return false
	}
	p.slots[at] = &postponed{m.data, m.seqno, m.signature, height, size, m.encode}
	return true
}

// postpone replaces what is put off; whatever waits is dropped.
func (p *postponement) postpone(which Postponable) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.slots {
		p.budget.Add(-m.size)
	}
	p.which, p.slots = which, nil
	if which != nil {
		p.slots = make(map[postponedSlot]*postponed)
	}
}

// recall takes the messages that wait and are said to be an operator's, or anybody's if it is zero.
func (p *postponement) recall(of chain.Operator) []*postponed {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []*postponed
	for at, m := range p.slots {
		if m.message != nil && (of.IsZero() || at.author == of) {
			recalled := *m
			taken = append(taken, &recalled)
			m.message = nil
		}
	}
	return taken
}

// unverified is a message as it came.
type unverified struct {
	from, data, seqno, signature []byte
	encode                       func() []byte
	silenced                     func() bool // whether nobody listens to its author now
}

// putOff reports whether a message is put off: never one that is known, or of an author who has not been heard here.
func (b *TopicInbox) putOff(m unverified, height chain.Height) bool {
	author, ok := b.authors.known(m.from)
	if !ok || !b.Holds(author.Operator) || len(m.data) > b.cfg.MaxMessage {
		return false
	}
	return b.postponed.putOff(author.Operator, m, func() bool { return m.silenced() || b.knows(author.Operator, m.data) }, height)
}

func (b *TopicInbox) knows(by chain.Operator, data []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.voices[by]
	return v != nil && v.said[sha256.Sum256(data)] != nil
}

// PutOff reports whether a message that arrives is put off by Postpone; whoever has it then needs no more of it.
func (b *TopicInbox) PutOff(m wire.PubsubMessage, height chain.Height) bool {
	return b.putOff(unverified{m.From(), m.Data(), m.Seqno(), m.Signature(), m.Bytes, func() bool { return false }}, height)
}

// Postpone is what Topic.Postpone says.
func (b *TopicInbox) Postpone(which Postponable) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed { // or nobody would ever give back what is held
		b.postponed.postpone(which)
	}
}

// Recall is what Topic.Recall says.
func (b *TopicInbox) Recall(of chain.Operator) []Postponed {
	var all []Postponed
	for _, p := range b.postponed.recall(of) {
		m, err := wire.ParsePubsub(p.message())
		if err != nil {
			continue
		}
		author, known := b.authors.known(m.From())
		if !known || m.VerifyBy(author) != nil {
			continue // somebody forged it
		}
		signed, err := m.NormalizeLowS()
		if err != nil {
			continue
		}
		all = append(all, Postponed{Said{By: author.Operator, Data: m.Data(), Signed: signed}, p.height})
	}
	slices.SortFunc(all, func(a, b Postponed) int { return bytes.Compare(a.Signed, b.Signed) })
	return all
}
