package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/walletnode/walletnode/net/feed"
)

// box is a mailbox. Its outbox owns it; what others read of it is atomic.
type box struct {
	name     string
	last     atomic.Uint64 // number of the last entry that is stored
	acked    atomic.Uint64
	settled  atomic.Bool // nobody but its outbox adds to it
	number   feed.Number // of the last entry, also of one that is being stored
	head     feed.Hash
	gap      feed.Number // the gap that closed it; 0 while it is open
	closedIn feed.Epoch
	stored   map[feed.Seq]struct{} // what it has of epochs that are taken through again
	moved    bool                  // another instance has it
	awaited  bool                  // it is moving in, and where it stands is not read yet
}

// load reads a mailbox, with what it holds from an epoch on.
func (f *Feed) load(ctx context.Context, name string, from feed.Epoch) (*box, error) {
	s, err := f.cfg.Log.Mailbox(ctx, name, from)
	if err != nil {
		return nil, fmt.Errorf("read mailbox %s: %w", name, err)
	}
	f.mu.Lock()
	b := f.boxes[name]
	if b == nil {
		b = &box{name: name}
		f.boxes[name] = b
	}
	f.mu.Unlock()
	b.moved, b.awaited = s.Moved, false
	b.settled.Store(false) // until it is one of an epoch
	b.number, b.head, b.gap, b.stored = s.Last, s.Head, 0, make(map[feed.Seq]struct{}, len(s.Stored))
	if s.Closed {
		b.gap, b.closedIn = s.Last, s.ClosedIn
	}
	for _, seq := range s.Stored {
		b.stored[seq] = struct{}{}
	}
	b.last.Store(uint64(s.Last))
	b.read(s.Acknowledged)
	return b, nil
}

// headOf is where a mailbox ends with an epoch. After a restart it may hold entries of later ones, which are taken through the stages
// again.
func (f *Feed) headOf(ctx context.Context, b *box, e feed.Epoch) (feed.Head, error) {
	h := feed.Head{Mailbox: b.name, Number: b.number, Chain: b.head, Closed: b.gap != 0 || b.moved}
	later := b.gap != 0 && b.closedIn > e
	if len(b.stored) == 0 && !later {
		return h, nil
	}
	for after := b.number - min(b.number, feed.Number(len(b.stored)+1)); ; { // the gap is one more
		page, err := f.cfg.Log.Entries(ctx, b.name, after, pageSize)
		if err != nil {
			return h, fmt.Errorf("read mailbox %s: %w", b.name, err)
		}
		for _, d := range page {
			if after = d.Entry.Number; d.Entry.Epoch() > e {
				h.Number, h.Chain, h.Closed = after-1, d.Entry.Previous, b.gap != 0 && !later || b.moved
				return h, nil
			}
		}
		if len(page) == 0 {
			return h, nil
		}
	}
}

// read moves the acknowledged number on.
func (b *box) read(n feed.Number) {
	for {
		was := b.acked.Load()
		if was >= uint64(n) || b.acked.CompareAndSwap(was, uint64(n)) {
			return
		}
	}
}

// Unread is how many entries of each mailbox wait for their acknowledgement, of those that were opened and have not moved away.
func (f *Feed) Unread() map[string]uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	unread := make(map[string]uint64, len(f.boxes))
	if !f.now.Open {
		return unread
	}
	for name, b := range f.boxes {
		if _, named := f.now.Term.Subscriptions.Find(name); named {
			last := b.last.Load()
			unread[name] = last - min(last, b.acked.Load())
		}
	}
	return unread
}

// find returns a mailbox that has been opened.
func (f *Feed) find(name string) (*box, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b, ok := f.boxes[name]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("mailbox %q: %w", name, ErrNoMailbox)
}

// never is an epoch that no record is of.
const never = ^feed.Epoch(0) >> 1

// Acknowledge says that a subscriber needs the entries up to a number no more. Going back changes nothing.
func (f *Feed) Acknowledge(ctx context.Context, mailbox string, n feed.Number) error {
	b, err := f.find(mailbox)
	if err != nil {
		return err
	}
	if uint64(n) > b.last.Load() { // one that is moving in has entries of which its outbox has not heard yet
		s, err := f.cfg.Log.Mailbox(ctx, mailbox, never)
		if err != nil {
			return fmt.Errorf("read mailbox %s: %w", mailbox, err)
		}
		if n > s.Last {
			return fmt.Errorf("mailbox %s ends with %d, and %d %w", mailbox, s.Last, n, ErrFuture)
		}
	}
	if err := f.cfg.Log.Acknowledge(ctx, mailbox, n); err != nil {
		return fmt.Errorf("store acknowledgement: %w", err)
	}
	b.read(n)
	return nil
}

// add makes the entry of a record, or of the gap that closes a full mailbox; false if nothing is to be stored: it is there already,
// or the mailbox is closed.
func (o *outbox) add(b *box, shard int, rec feed.Record, hash feed.Hash) (feed.Entry, bool) {
	if _, there := b.stored[rec.Seq]; there {
		delete(b.stored, rec.Seq)
		return feed.Entry{}, false
	}
	if b.gap != 0 || b.moved {
		return feed.Entry{}, false
	}
	e := feed.Entry{Mailbox: b.name, Number: b.number + 1, Previous: b.head, Shard: uint16(shard)}
	if unread := uint64(b.number) - b.acked.Load(); unread >= o.feed.cfg.MailboxBound {
		e.Gap = &feed.Gap{Outbox: o.actor(), Epoch: rec.Epoch, First: rec.Seq, Unread: unread}
		e.SignGap(o.feed.cfg.Signer)
		b.gap, b.closedIn, b.head = e.Number, rec.Epoch, e.Hash()
	} else {
		e.Record = rec
		b.head = e.Link(hash)
	}
	b.number = e.Number
	return e, true
}

// reopen opens a mailbox with a new epoch, once its subscriber has acknowledged the gap. The gap's epoch must be sealed: until then its
// records may have to be taken through again, and what was not kept must not be kept then.
func (b *box) reopen(sealed feed.Epoch) {
	if b.gap != 0 && b.acked.Load() >= uint64(b.gap) && b.closedIn < sealed {
		b.gap = 0
	}
}
