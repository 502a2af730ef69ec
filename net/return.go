package net

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// Return puts back what Take returned for a window and could not be dealt with, before what has arrived since: who
// serves the wallet next takes it again. It is known all the while, so copies are not delivered beside it; and it has
// its place in the author's two slots, so it is kept though the author's budget be full meanwhile.
func (b *Inbox) Return(window chain.Height, messages []Message) {
	if len(messages) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range messages {
		b.held.keep(m.Author, len(m.Signed)+len(m.Payload))
	}
	if b.waiting == nil {
		b.waiting = make(map[chain.Height][]Message)
	}
	b.waiting[window] = slices.Concat(messages, b.waiting[window])
	if b.arrived != nil {
		close(b.arrived)
		b.arrived = nil
	}
}

// Return puts messages back into the channel's inbox.
func (c *Channel) Return(window chain.Height, messages []Message) { c.inbox.Return(window, messages) }

// keep is hold for what had its place before.
func (l *ledger) keep(author chain.Operator, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[author] += n
}
