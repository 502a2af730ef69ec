package feed

import (
	"cmp"
	"context"
	"slices"
	"sort"
)

// An inbox takes in what an origin tells in the origin's order, each item once, and numbers it so: in what one seal closes the numbers of an
// origin ascend with those of the records, whatever was moved, restarted or full meanwhile. After a loss of data items come again, but what was not
// sealed by then is never sealed, so they are of later epochs. What a move repeats has the numbers of an echo and says nothing here.

// overtaken is an item that a mailbox has under a later record than a later item of its origin, or than itself, both in one epoch.
type overtaken struct{ has, after *Entry }

// overtaken returns what the mailbox has so, by the records' numbers; none where nobody could be shown it.
func (k Kept) overtaken(mailbox string) (list []overtaken) {
	if !k.shows(mailbox) {
		return nil
	}
	entries := make([]*Entry, 0, len(k.Entries))
	for i := range k.Entries {
		if e := &k.Entries[i]; e.Gap == nil && !IsEcho(e.Record.Item.Source) {
			entries = append(entries, e)
		}
	}
	slices.SortStableFunc(entries, func(a, b *Entry) int { return cmp.Compare(a.Record.Seq, b.Record.Seq) })
	// What has one number is a stray.
	entries = slices.CompactFunc(entries, func(a, b *Entry) bool { return a.Record.Seq == b.Record.Seq })
	last := map[string]*Entry{} // of each origin the first record with its highest number
	for _, e := range entries {
		source := e.Record.Item.Source
		if before := last[source]; before == nil || before.Record.Item.Number < e.Record.Item.Number {
			last[source] = e
		} else {
			list = append(list, overtaken{has: e, after: before})
		}
	}
	return list
}

// reorders proves that a mailbox has an item out of its origin's order or repeated.
func (s *side) reorders(o overtaken) Proof {
	p := Proof{Fault: Reorders, Seq: o.has.Record.Seq, Seal: *s.Seal, Has: s.piece(o.has.point()), Against: []Piece{s.piece(o.after.point())}}
	_, p.Accused = p.accuse()
	return p
}

func (p Proof) checkReorders() error {
	before, item := p.Against[0], p.Has.Record.Item
	switch {
	case before.Mailbox != p.Has.Mailbox || before.Record.Item.Source != item.Source || IsEcho(item.Source):
		return refuse("the records shown are not of one mailbox and origin")
	case before.Record.Seq >= p.Seq || before.Record.Item.Number < item.Number:
		return refuse("items %d and %d of %s stand in their origin's order", before.Record.Item.Number, item.Number, item.Source)
	case p.Seal.blamed(p.Seal.Actor, False):
		return refuse("what the stages said of epoch %d is not in its seal", p.Seal.Epoch)
	}
	return nil
}

// disorders finds what one side has out of order or repeated, for which the other one is not needed. It is proved within an epoch. From one epoch to
// a later one it is told: an instance that lost data seals again what it had sealed. Until is the first epoch in which a mailbox does not hold what
// its outbox committed to.
func (x *crossing) disorders(ctx context.Context, h, ours *half, until Epoch) error {
	for _, of := range h.shown {
		last := map[string]uint64{} // of each origin, echoes apart, the highest number in the epochs before
		for _, k := range of.Epochs {
			if err := ctx.Err(); err != nil {
				return err
			}
			if k.Epoch >= until {
				break
			}
			s := of.side(k.Epoch)
			for _, stray := range k.strays(of.Mailbox, "") {
				x.strays(of, stray.entry, ours, func() (Proof, bool) { return s.disorders(stray), true })
			}
			for _, o := range k.overtaken(of.Mailbox) {
				x.strays(of, o.has, ours, func() (Proof, bool) { return s.reorders(o), true })
			}
			for i := range k.Entries {
				e := &k.Entries[i]
				if item := e.Record.Item; e.Gap == nil && item.Number <= last[item.Source] {
					x.strays(of, e, ours, func() (p Proof, ok bool) { return p, false })
				}
			}
			for i := range k.Entries {
				if e := &k.Entries[i]; e.Gap == nil && !IsEcho(e.Record.Item.Source) {
					last[e.Record.Item.Source] = max(last[e.Record.Item.Source], e.Record.Item.Number)
				}
			}
		}
	}
	return nil
}

// strays tells that a mailbox has an item out of order or repeated. The epoch in which one got the item oneself is not confirmed by it.
func (x *crossing) strays(of *shown, e *Entry, ours *half, prove func() (Proof, bool)) {
	item := e.Record.Item
	t := taken{Origin: Origin{item.Source, item.Number}, item: item, epoch: e.Record.Epoch, seq: e.Record.Seq}
	if of == ours.shown[0] {
		x.parts[t.epoch] = true
	} else if i, there := sort.Find(len(ours.got), func(i int) int { return t.compare(ours.got[i].Origin) }); there {
		x.parts[ours.got[i].epoch] = true
	}
	x.tell(t, Elsewhere{Instance: of.Instance, Mailbox: of.Mailbox, Epoch: t.epoch, Strays: true}, prove)
}
