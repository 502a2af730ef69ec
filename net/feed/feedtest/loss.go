package feedtest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/walletnode/walletnode/net/feed"
	"github.com/walletnode/walletnode/net/feed/pipeline"
)

// Copy returns what the log is at this moment: as a database that is put back to it.
func (l *Log) Copy() *Log {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := &Log{
		terms: slices.Clone(l.terms), records: slices.Clone(l.records), last: l.last, seals: slices.Clone(l.seals), sealed: l.sealed,
		sources: maps.Clone(l.sources), boxes: map[string]*mailbox{},
	}
	for name, m := range l.boxes {
		box := *m
		box.entries, box.earlier = slices.Clone(m.entries), slices.Clone(m.earlier)
		own.boxes[name] = &box
	}
	return own
}

// Resume makes the log go on after a seal, as instance.Ledger says.
func (l *Log) Resume(ctx context.Context, after *feed.Seal, subs *feed.Subscriptions, losses []feed.Handover) error {
	return l.write(ctx, "resume", nil, func() error {
		if l.sealed != nil && (after == nil || l.sealed.Epoch > after.Epoch || l.sealed.Epoch == after.Epoch && l.sealed.Hash() != after.Hash()) {
			return fmt.Errorf("a log that is sealed up to %d: %w", l.sealed.Epoch, pipeline.ErrOrder)
		}
		for _, h := range losses {
			if m := l.box(h.Mailbox); m.moved || m.last() < h.Number || m.collected > h.Number {
				return fmt.Errorf("mailbox %s at %d: %w", h.Mailbox, m.last(), pipeline.ErrOrder)
			}
		}
		end, sealed := feed.Seq(1), feed.Epoch(0)
		if after != nil {
			end, sealed = after.First+feed.Seq(after.Count), after.Epoch
		}
		void := l.from(end)
		for _, a := range slices.Backward(l.records[void:]) {
			l.sources[a.Record.Item.Source] = min(l.sources[a.Record.Item.Source], a.Record.Item.Number-1)
		}
		l.records, l.last = l.records[:void], end-1
		l.terms = slices.DeleteFunc(l.terms, func(t pipeline.Term) bool { return l.sealed == nil || t.Epoch > l.sealed.Epoch })
		if after != nil && (l.sealed == nil || l.sealed.Epoch < sealed) {
			l.terms = append(l.terms, pipeline.Term{Epoch: sealed, Subscriptions: subs})
			own := *after
			l.seals, l.sealed = append(l.seals, own), &own
		}
		for _, h := range losses {
			m := l.box(h.Mailbox)
			m.entries = m.entries[:h.Number-m.collected]
			goesOn := &mailbox{
				collected: h.Goes(), head: h.Head, acknowledged: h.Goes() - h.Number + min(m.acknowledged, h.Number), earlier: slices.Clone(m.earlier),
			}
			if len(m.entries) > 0 {
				goesOn.earlier = append(goesOn.earlier, m)
			}
			l.boxes[h.Mailbox] = goesOn
		}
		return nil
	})
}
