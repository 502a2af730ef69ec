package feedtest

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// at is what has the entry after a number: an earlier stay of the mailbox, or the present one.
func (m *mailbox) at(after feed.Number) *mailbox {
	for _, e := range m.earlier {
		if after < e.last() {
			return e
		}
	}
	return m
}

// Leave ends a mailbox here, once it has got what it lacks. Pipeline.ErrOrder if it does not stand then where it is said to.
func (l *Log) Leave(name string, lacks []feed.Entry, number feed.Number, head feed.Hash) (pipeline.MailboxState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.box(name)
	last, at := m.last(), m.head
	for _, e := range lacks {
		if e.Mailbox != name || e.Number != last+1 || e.Previous != at {
			return pipeline.MailboxState{}, fmt.Errorf("entry %d of %s: %w", e.Number, name, pipeline.ErrOrder)
		}
		last, at = e.Number, e.Hash()
	}
	if m.moved || last != number || at != head {
		return pipeline.MailboxState{}, fmt.Errorf("mailbox %s at %d: %w", name, last, pipeline.ErrOrder)
	}
	m.entries, m.head, m.moved = append(m.entries, lacks...), at, true
	if len(lacks) > 0 {
		m.gap = nil
	}
	s := pipeline.MailboxState{Last: last, Head: at, Acknowledged: m.acknowledged, Closed: m.gap != nil}
	if m.gap != nil {
		s.ClosedIn = m.gap.Epoch
	}
	return s, nil
}

// Arrive begins a mailbox here, where it stood elsewhere.
func (l *Log) Arrive(name string, s pipeline.MailboxState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.box(name)
	m := &mailbox{collected: s.Last, head: s.Head, acknowledged: s.Acknowledged, earlier: slices.Clone(old.earlier)}
	if len(old.entries) > 0 {
		m.earlier = append(m.earlier, old)
	}
	if s.Closed {
		m.gap = &feed.Gap{Epoch: s.ClosedIn}
	}
	l.boxes[name] = m
}
