package feed

import (
	"bytes"
	"cmp"
	"slices"
)

// Origin is an item's place in what its source told: the same at every instance that took it in, while numbers and recipients'
// hashes are each instance's own.
type Origin struct {
	Source string
	Number uint64
}

// Elsewhere is the other side of a difference between two instances.
type Elsewhere struct {
	Instance string
	Mailbox  string
	Epoch    Epoch // in which it has another item of that number, or else the next one of that source
	Lacks    bool  // it has none of that number
}

// Crossing is what mailboxes of two instances come to.
type Crossing struct {
	Items    int   // that both have alike
	Until    Epoch // of the first export: the last epoch, none before it with a difference, whose items the other one has, if Covered
	Covered  bool
	Findings []Finding // a wallet's first difference, ascending by wallet; without proofs
	Blames   []Blame   // by each export alone
}

// taken is an item as one mailbox got it.
type taken struct {
	Origin
	item  Item
	epoch Epoch
	seq   Seq
}

// taken returns what a mailbox got, by source and number. What an echo repeated has the echo's numbers, and cannot be compared.
func (x Export) taken() (list []taken) {
	for _, k := range x.Epochs {
		for _, e := range k.Entries {
			if item := e.Record.Item; e.Gap == nil && !IsEcho(item.Source) {
				list = append(list, taken{Origin{item.Source, item.Number}, item, k.Epoch, e.Record.Seq})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b taken) int { return a.compare(b.Origin) })
	// What is there twice is the audit's to find.
	return slices.CompactFunc(list, func(a, b taken) bool { return a.Origin == b.Origin })
}

func (o Origin) compare(other Origin) int {
	return cmp.Or(cmp.Compare(o.Source, other.Source), cmp.Compare(o.Number, other.Number))
}

// Across compares what mailboxes of two instances got of the same sources: both instances take in all that a source tells, in its
// order, so within the numbers that both have of a source each has what goes to it. A finding says where they differ and has no
// proof: an item is signed by its source for the instances alone, so that it cannot be told from outside whether the source told two
// things, or which instance left out or altered one.
func Across(a, b Export, keys Keyring) (c Crossing, err error) {
	if a.Instance == b.Instance {
		return c, malformed("mailboxes of two instances are compared by their sources, and both are of %s", a.Instance)
	}
	if c.Blames, err = verifyAll(keys, a, b); err != nil {
		return c, err
	}
	ours, theirs := a.taken(), b.taken()
	for i, j := 0, 0; i < len(ours) && j < len(theirs); {
		switch order := ours[i].compare(theirs[j].Origin); {
		case order < 0:
			if b.lacks(ours[i], theirs, j) {
				c.add(ours[i], b, theirs[j], true)
			}
			i++
		case order > 0:
			if a.lacks(theirs[j], ours, i) {
				c.add(theirs[j], a, ours[i], true)
			}
			j++
		default:
			if ours[i].item != theirs[j].item {
				c.add(ours[i], b, theirs[j], false)
			} else {
				c.Items++
			}
			i, j = i+1, j+1
		}
	}
	slices.SortFunc(c.Findings, func(x, y Finding) int { return bytes.Compare(x.Wallet[:], y.Wallet[:]) })
	if c.Items > 0 {
		c.Until, c.Covered = a.covered(b, theirs, c.Findings)
	}
	return c, nil
}

// add takes a wallet's first difference in.
func (c *Crossing) add(has taken, lack Export, next taken, lacks bool) {
	if slices.ContainsFunc(c.Findings, func(f Finding) bool { return f.Wallet == has.item.Wallet }) {
		return
	}
	c.Findings = append(c.Findings, Finding{
		Wallet: has.item.Wallet, Epoch: has.epoch, Seq: has.seq, Origin: has.Origin,
		Elsewhere: &Elsewhere{Instance: lack.Instance, Mailbox: lack.Mailbox, Epoch: next.epoch, Lacks: lacks},
	})
}

// covered returns the last epoch such that all which goes to the other one lies within the numbers that it has, and nothing differs.
func (x Export) covered(other Export, got []taken, findings []Finding) (until Epoch, found bool) {
	type numbers struct{ first, last uint64 }
	has := map[string]numbers{}
	for _, t := range got { // ascending
		n, there := has[t.Source]
		if !there {
			n.first = t.Number
		}
		n.last = t.Number
		has[t.Source] = n
	}
	newest := other.Epochs[len(other.Epochs)-1].Subscriptions
	for _, k := range x.Epochs {
		for _, e := range k.Entries {
			item := e.Record.Item
			if e.Gap != nil || IsEcho(item.Source) || !newest.Reaches(other.Mailbox, item) {
				continue
			}
			if n := has[item.Source]; item.Number < n.first || item.Number > n.last {
				return until, found
			}
		}
		if slices.ContainsFunc(findings, func(f Finding) bool { return f.at(x.Instance) == k.Epoch }) {
			return until, found
		}
		until, found = k.Epoch, true
	}
	return until, found
}

// at is where a finding lies in the epochs of one of the two instances.
func (f Finding) at(instance string) Epoch {
	if f.Elsewhere.Instance == instance {
		return f.Elsewhere.Epoch
	}
	return f.Epoch
}

// lacks is whether an item goes to the mailbox, and it is not there between what the mailbox got before and after it of the source.
// What a gap cut off, an outbox missed, or epochs that are not shown may hold does not count.
func (x Export) lacks(t taken, got []taken, next int) bool {
	if next == 0 || got[next-1].Source != t.Source || got[next].Source != t.Source || got[next-1].epoch > got[next].epoch {
		return false
	}
	from, to, shown := got[next-1].epoch, got[next].epoch, Epoch(0)
	for _, k := range x.Epochs {
		if k.Epoch < from || k.Epoch > to {
			continue
		}
		shown++
		if k.missing(x.Mailbox) || k.cut(x.Mailbox) || slices.ContainsFunc(k.Entries, func(e Entry) bool { return e.Gap != nil }) ||
			!k.Subscriptions.Reaches(x.Mailbox, t.item) {
			return false
		}
	}
	return shown == to-from+1
}
