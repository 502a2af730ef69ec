// Package feedtest has a feed's log in memory, which can be made to fail and to hang.
package feedtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Log is a pipeline.Log in memory. It outlives the feeds that use it, one after the other, as a database does.
type Log struct {
	mu      sync.Mutex
	terms   []pipeline.Term     // opened, ascending
	records []pipeline.Accepted // ascending
	last    feed.Seq
	seals   []feed.Seal
	sealed  *feed.Seal
	sources map[string]uint64
	boxes   map[string]*mailbox

	// Before, if set, is asked before every call that writes, with the call's name and the mailboxes it writes to. An error is the call's,
	// and nothing is done; it may also wait.
	Before func(ctx context.Context, call string, mailboxes []string) error
	// After is asked when it is done: an error is one after which the caller does not know that it was.
	After func(call string) error
}

type mailbox struct {
	entries      []feed.Entry
	collected    feed.Number
	head         feed.Hash
	gap          *feed.Gap // that it ends with
	acknowledged feed.Number
	moved        bool       // another instance has it
	earlier      []*mailbox // what was kept of it here before it moved away and came back
}

// New makes an empty log.
func New() *Log { return &Log{sources: map[string]uint64{}, boxes: map[string]*mailbox{}} }

func (l *Log) write(ctx context.Context, call string, mailboxes []string, do func() error) error {
	if l.Before != nil {
		if err := l.Before(ctx, call, mailboxes); err != nil {
			return err
		}
	}
	l.mu.Lock()
	err := do()
	l.mu.Unlock()
	if err == nil && l.After != nil {
		return l.After(call)
	}
	return err
}

// from returns the place of the first record that is not before a number.
func (l *Log) from(seq feed.Seq) int {
	i, _ := slices.BinarySearchFunc(l.records, seq, func(a pipeline.Accepted, s feed.Seq) int { return cmp.Compare(a.Record.Seq, s) })
	return i
}

// State implements pipeline.Log.
func (l *Log) State(context.Context) (pipeline.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := pipeline.State{First: 1, Last: l.last, Sources: map[string]uint64{}}
	for name, n := range l.sources {
		s.Sources[name] = n
	}
	if l.sealed != nil {
		own := *l.sealed
		s.Sealed, s.First = &own, own.First+feed.Seq(own.Count)
	}
	for _, t := range l.terms {
		if l.sealed == nil || t.Epoch > l.sealed.Epoch {
			s.Terms = append(s.Terms, t)
		}
	}
	if len(s.Terms) == 0 {
		s.First = s.Last + 1
	}
	return s, nil
}

// Open implements pipeline.Log.
func (l *Log) Open(ctx context.Context, t pipeline.Term) error {
	return l.write(ctx, "open", nil, func() error {
		if n := len(l.terms); n > 0 && l.terms[n-1].Epoch >= t.Epoch {
			return fmt.Errorf("epoch %d: %w", t.Epoch, pipeline.ErrOrder)
		}
		l.terms = append(l.terms, t)
		return nil
	})
}

// Accept implements pipeline.Log.
func (l *Log) Accept(ctx context.Context, records []pipeline.Accepted) error {
	return l.write(ctx, "accept", nil, func() error {
		for i, r := range records {
			if r.Record.Seq != l.last+1+feed.Seq(i) {
				return fmt.Errorf("record %d: %w", r.Record.Seq, pipeline.ErrOrder)
			}
		}
		for _, r := range records {
			l.records, l.last = append(l.records, r), r.Record.Seq
			l.sources[r.Record.Item.Source] = max(l.sources[r.Record.Item.Source], r.Record.Item.Number)
		}
		return nil
	})
}

func (l *Log) box(name string) *mailbox {
	if l.boxes[name] == nil {
		l.boxes[name] = &mailbox{}
	}
	return l.boxes[name]
}

func (m *mailbox) last() feed.Number { return m.collected + feed.Number(len(m.entries)) }

// Append implements pipeline.Log.
func (l *Log) Append(ctx context.Context, entries []feed.Entry) error {
	var names []string
	for _, e := range entries {
		if !slices.Contains(names, e.Mailbox) {
			names = append(names, e.Mailbox)
		}
	}
	return l.write(ctx, "append", names, func() error {
		ends := map[string]mailbox{}
		for i, e := range entries {
			m, known := ends[e.Mailbox]
			if !known {
				m = *l.box(e.Mailbox)
			}
			if e.Number != m.last()+1 || e.Previous != m.head {
				return fmt.Errorf("entry %d of %s, %d of the batch: %w", e.Number, e.Mailbox, i, pipeline.ErrOrder)
			}
			m.entries, m.head, m.gap = append(m.entries, e), e.Hash(), e.Gap
			ends[e.Mailbox] = m
		}
		for name, m := range ends {
			*l.box(name) = m
		}
		return nil
	})
}

// Seal implements pipeline.Log.
func (l *Log) Seal(ctx context.Context, s feed.Seal) error {
	return l.write(ctx, "seal", nil, func() error {
		next := slices.IndexFunc(l.terms, func(t pipeline.Term) bool { return l.sealed == nil || t.Epoch > l.sealed.Epoch })
		if next < 0 || l.terms[next].Epoch != s.Epoch {
			return fmt.Errorf("seal of epoch %d: %w", s.Epoch, pipeline.ErrOrder)
		}
		l.seals, l.sealed = append(l.seals, s), &s
		return nil
	})
}

// Acknowledge implements pipeline.Log.
func (l *Log) Acknowledge(ctx context.Context, name string, n feed.Number) error {
	return l.write(ctx, "acknowledge", []string{name}, func() error {
		m := l.box(name)
		if n > m.last() {
			return fmt.Errorf("acknowledgement %d of %s: %w", n, name, pipeline.ErrOrder)
		}
		m.acknowledged = max(m.acknowledged, n)
		return nil
	})
}

// Records implements pipeline.Log.
func (l *Log) Records(_ context.Context, from feed.Seq, limit int) ([]feed.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var page []feed.Record
	for _, a := range l.records[l.from(from):] {
		if len(page) == limit {
			break
		}
		page = append(page, a.Record)
	}
	return page, nil
}

// Accepted implements pipeline.Log.
func (l *Log) Accepted(_ context.Context, from feed.Seq, limit int) ([]pipeline.Accepted, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var page []pipeline.Accepted
	size := 0
	for _, a := range l.records[l.from(from):] {
		if len(page) == limit || size >= pipeline.MaxPage {
			break
		}
		page, size = append(page, a), size+len(a.Payload)
	}
	return page, nil
}

// Mailbox implements pipeline.Log.
func (l *Log) Mailbox(_ context.Context, name string, from feed.Epoch) (pipeline.MailboxState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.box(name)
	s := pipeline.MailboxState{Last: m.last(), Head: m.head, Acknowledged: m.acknowledged, Moved: m.moved}
	if s.Closed = m.gap != nil; s.Closed {
		s.ClosedIn = m.gap.Epoch
	}
	for _, e := range m.entries {
		if e.Gap == nil && e.Record.Epoch >= from {
			s.Stored = append(s.Stored, e.Record.Seq)
		}
	}
	return s, nil
}

// Entries implements pipeline.Log.
func (l *Log) Entries(_ context.Context, name string, after feed.Number, limit int) ([]pipeline.Delivered, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.box(name).at(after)
	var page []pipeline.Delivered
	size := 0
	for n := max(after, m.collected) + 1; n <= m.last() && len(page) < limit && size < pipeline.MaxPage; n++ {
		d := pipeline.Delivered{Entry: m.entries[n-m.collected-1]}
		if i := l.from(d.Entry.Record.Seq); i < len(l.records) && l.records[i].Record.Seq == d.Entry.Record.Seq {
			d.Payload, d.Witness = l.records[i].Payload, l.records[i].Witness
		}
		size += len(d.Payload)
		page = append(page, d)
	}
	return page, nil
}

// NextSeal implements pipeline.Log.
func (l *Log) NextSeal(_ context.Context, after feed.Epoch) (*feed.Seal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.seals {
		if s.Epoch > after {
			return &s, nil
		}
	}
	return nil, nil //nolint:nilnil // no seal is an answer
}

// FirstSeal implements pipeline.Log.
func (l *Log) FirstSeal(context.Context) (*feed.Seal, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seals) == 0 {
		return nil, nil //nolint:nilnil // no seal is an answer
	}
	s := l.seals[0]
	return &s, nil
}

// Subscriptions implements pipeline.Log.
func (l *Log) Subscriptions(_ context.Context, e feed.Epoch) (*feed.Subscriptions, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.terms {
		if t.Epoch == e {
			return t.Subscriptions, nil
		}
	}
	return nil, fmt.Errorf("epoch %d was never opened: %w", e, pipeline.ErrOrder)
}

// Collect implements pipeline.Log.
func (l *Log) Collect(ctx context.Context, before feed.Epoch) error {
	return l.write(ctx, "collect", nil, func() error {
		if l.sealed == nil {
			return nil
		}
		before = min(before, l.sealed.Epoch)
		held := map[feed.Seq]bool{}
		for _, m := range l.boxes {
			for len(m.entries) > 0 && m.entries[0].Number <= m.acknowledged && m.entries[0].Epoch() < before {
				m.entries, m.collected = m.entries[1:], m.collected+1
			}
			for _, e := range m.entries {
				held[e.Record.Seq] = true
			}
		}
		l.records = slices.DeleteFunc(l.records, func(a pipeline.Accepted) bool { return a.Record.Epoch < before && !held[a.Record.Seq] })
		l.seals = slices.DeleteFunc(l.seals, func(s feed.Seal) bool { return s.Epoch < before })
		return nil
	})
}
