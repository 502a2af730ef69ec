package pipeline

import (
	"context"
	"fmt"

	"github.com/walletnode/walletnode/net/feed"
)

// restore stores what the outbox missed before the node was restarted, and begins with the first epoch that is not sealed.
func (o *outbox) restore(ctx context.Context) error {
	if len(o.state.Terms) == 0 { // all there is is sealed, or lost
		o.behindAt = o.state.First
		return nil
	}
	var err error
	if o.behindAt, err = owed(ctx, o.feed.cfg.Log, o.state, o.actor()); err != nil {
		return err
	}
	return o.catchUp(ctx, nil, o.state.Terms[0], o.state.Terms[0].Epoch)
}

// catchUp stores what the log has for this outbox's mailboxes of epochs before a term, less what they hold, and begins with the term. Epochs before
// sealed are.
func (o *outbox) catchUp(ctx context.Context, q *queue, until Term, sealed feed.Epoch) error {
	o.boxes = nil // what they hold is read anew
	m := missed{outbox: o, subs: inForce{log: o.feed.cfg.Log}, boxes: map[string]*box{}}
	for o.behindAt != 0 {
		page, err := o.feed.cfg.Log.Records(ctx, o.behindAt, pageSize)
		if err != nil {
			return fmt.Errorf("read missed records: %w", err)
		}
		if len(page) == 0 || page[0].Epoch >= until.Epoch {
			break
		}
		made, err := m.entries(ctx, page, until.Epoch)
		if err != nil {
			return err
		}
		if err := o.store(ctx, made); err != nil {
			return err
		}
		if q != nil {
			q.moved.Add(1)
			if q.isLost() {
				return errLost
			}
		}
	}
	return o.begin(ctx, until, sealed)
}

// missed makes the entries that an outbox owes its mailboxes.
type missed struct {
	*outbox
	subs  inForce
	boxes map[string]*box // that were read
}

// entries are those of a page of records, of epochs before one.
func (m *missed) entries(ctx context.Context, page []feed.Record, until feed.Epoch) (p pile, _ error) {
	for _, rec := range page {
		if rec.Epoch >= until {
			break
		}
		subs, err := m.subs.of(ctx, rec.Epoch)
		if err != nil {
			return pile{}, err
		}
		for _, i := range subs.For(rec.Item).Mailboxes {
			name := subs.At(i).Mailbox
			if feed.OutboxOf(name, m.feed.cfg.Outboxes) != m.index {
				continue
			}
			if m.boxes[name] == nil {
				if m.boxes[name], err = m.feed.load(ctx, name, page[0].Epoch); err != nil {
					return pile{}, err
				}
			}
			if e, ok := m.add(m.boxes[name], feed.ShardOf(rec.Item.Wallet, m.feed.cfg.Shards), rec, rec.Hash()); ok {
				p.add(e, m.boxes[name])
			}
		}
		m.behindAt = rec.Seq + 1
	}
	return p, nil
}
