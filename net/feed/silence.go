package feed

import (
	"context"
	"slices"
)

// When a mailbox is told to lack an item and all that its origin told after it. Two instances that run take in what is told in one epoch, or at
// its boundary in two that follow each other. One that was away takes in old things later than that, or in epochs that are long over, of one
// origin before another; but what one origin told meanwhile it takes in at once. So either may have been away, and of another origin's items both
// have one epoch in common by chance for each of the two. A third one shows that the item was told by then, and that both were there.
const (
	maxApart   = 1 // epochs, of what two instances take in at about the same time
	goesOn     = 3 // epochs of either, in which both got something of one other origin at about the same time
	goesOnSoon = 8 // epochs after the item: what an instance lacks that was away for long may have been collected
)

// tail is how a mailbox went on at one instance, to the end of what is known of it.
type tail struct {
	of     *shown
	epochs []Kept // that follow each other
	cut    map[Epoch]bool
	last   map[string]place // of each source the last item in them
}

// place is where an item stands.
type place struct {
	number uint64
	epoch  Epoch
}

// tail makes that of a stay which is shown: where more of it is kept, of that.
func (s *shown) tail(kept []Export) *tail {
	t := &tail{of: s, epochs: s.Epochs, cut: map[Epoch]bool{}, last: map[string]place{}}
	for _, x := range kept {
		if x.Instance == s.Instance && slices.ContainsFunc(x.Epochs, func(k Kept) bool { return k.Epoch == s.Epochs[0].Epoch }) {
			t.epochs = x.Epochs
		}
	}
	from := len(t.epochs) - 1
	for from > 0 && t.epochs[from-1].Epoch+1 == t.epochs[from].Epoch {
		from--
	}
	t.epochs = t.epochs[from:]
	for _, k := range t.epochs {
		t.cut[k.Epoch] = s.cut[k.Epoch] || k.missing(s.Mailbox) || k.cut(s.Mailbox)
		for i := range k.Entries {
			item, known := k.told(i)
			if !known {
				t.cut[k.Epoch] = true
			} else if item.Number >= t.last[item.Source].number {
				t.last[item.Source] = place{item.Number, k.Epoch}
			}
		}
	}
	return t
}

// told is an entry's item as its origin told it; false of a gap, and of what was repeated of which nobody knows what it was.
func (k Kept) told(i int) (Item, bool) {
	item, w := k.Entries[i].Record.Item, k.witness(i)
	if k.Entries[i].Gap != nil || IsEcho(item.Source) && w == nil {
		return Item{}, false
	}
	if w != nil {
		item = w.told(item)
	}
	return item, true
}

// end is the last epoch that is known.
func (t *tail) end() Epoch { return t.epochs[len(t.epochs)-1].Epoch }

// silent is whether an item goes to the mailbox in all epochs from one on, and none of them is one in which something was cut off.
func (t *tail) silent(from Epoch, item Item) bool {
	return !slices.ContainsFunc(t.epochs, func(k Kept) bool {
		return k.Epoch >= from && (t.cut[k.Epoch] || !k.Subscriptions.Gets(t.of.Mailbox, item.Wallet, item.Kind))
	})
}

// epochPair is in which epoch each of two mailboxes got what both have.
type epochPair struct{ has, lacks Epoch }

// alongside are, by source and in its order, the epochs in which two mailboxes got the same at about the same time.
func alongside(has, lacks *half) map[string][]epochPair {
	both := map[string][]epochPair{}
	for i, j := 0, 0; i < len(has.got) && j < len(lacks.got); {
		a, b := &has.got[i], &lacks.got[j]
		switch order := a.compare(b.Origin); {
		case order < 0:
			i++
		case order > 0:
			j++
		default:
			pair, list := epochPair{a.epoch, b.epoch}, both[a.Source]
			if a.item == b.item && a.epoch <= b.epoch+maxApart && b.epoch <= a.epoch+maxApart && (len(list) == 0 || list[len(list)-1] != pair) {
				both[a.Source] = append(list, pair)
			}
			i, j = i+1, j+1
		}
	}
	return both
}

// wentOn is whether both went on with one of the sources, soon after an epoch and at least one whole epoch after it.
func wentOn(both map[string][]epochPair, after Epoch) bool {
	for _, pairs := range both {
		n, last := 0, epochPair{after + maxApart, after + maxApart}
		for _, p := range pairs {
			if p.has > last.has && p.lacks > last.lacks && max(p.has, p.lacks) <= after+goesOnSoon {
				n, last = n+1, p
			}
		}
		if n >= goesOn {
			return true
		}
	}
	return false
}

// silences finds, of each source, the first item that goes to a mailbox, and of which nor of any later one of the source it has anything, though
// it went on. It proves nothing of the instance: it may have been away, or have forgotten what was told when its database was put back. What the
// origin did not sign does not count. Kept is what is kept of the mailbox besides what is shown.
func (x *crossing) silences(ctx context.Context, has, lacks *half, kept []Export) (list []Finding, _ error) {
	var of *shown
	for _, s := range lacks.shown {
		if len(s.Epochs) > 0 {
			of = s
		}
	}
	newest := lacks.last(kept)
	if !slices.ContainsFunc(has.got, func(t taken) bool { return t.Number > newest[t.Source] }) {
		return nil, nil
	}
	end, went, done := of.tail(kept), map[Epoch]bool{}, ""
	for both, i := alongside(has, lacks), 0; i < len(has.got); i++ { // ascending by source and number
		t := &has.got[i]
		last := end.last[t.Source]
		if t.Source == done || last.number == 0 || last.number < newest[t.Source] || t.Number <= last.number || !sameSeries(last.number, t.Number) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		on, known := went[t.epoch]
		if !known {
			on = wentOn(both, t.epoch)
			went[t.epoch] = on
		}
		if !on || t.witness == nil || !end.silent(last.epoch, t.item) {
			continue
		}
		if done = t.Source; t.signed(x.keys) == nil {
			continue
		}
		list = append(list, Finding{Wallet: t.item.Wallet, Epoch: t.epoch, Seq: t.seq, Origin: t.Origin, Elsewhere: &Elsewhere{
			Instance: of.Instance, Mailbox: of.Mailbox, Epoch: end.end(), Lacks: true, After: last.number,
		}})
	}
	return list, nil
}
