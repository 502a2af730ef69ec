package net

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// Return puts back what Take returned for a window and nobody could deal with, before what has arrived since: whoever
// serves the wallet next takes it again, as it arrived then. It costs the author nothing a second time: it was known all the
// while, so no copy lies beside it, and there are still two of an author at most. What is put back twice, was never taken,
// or is for a window that is forgotten by now is left out.
func (b *Inbox) Return(window chain.Height, messages []Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var back []Message
	for _, m := range messages {
		if m.Window != window || !b.slots.knows(slotKey{window, m.Author}, m.Digest) || holds(back, m) || holds(b.waiting[window], m) {
			continue
		}
		b.held.keep(m.Author, len(m.Signed)+len(m.Payload))
		back = append(back, m)
	}
	if len(back) > 0 {
		b.await(window, append(back, b.waiting[window]...))
	}
}

// holds reports whether a message with the same statement of the same author is among messages.
func holds(messages []Message, m Message) bool {
	return slices.ContainsFunc(messages, func(other Message) bool { return other.Author == m.Author && other.Digest == m.Digest })
}

// Return puts back what Take returned for a window and nobody could deal with: it is taken again before what has arrived
// since. See Inbox.Return.
func (c *Channel) Return(window chain.Height, messages []Message) { c.inbox.Return(window, messages) }
