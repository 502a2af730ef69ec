package feed

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
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
func (x Export) taken(ctx context.Context) (list []taken, _ error) {
	for _, k := range x.Epochs {
		for i := range k.Entries {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			e := &k.Entries[i]
			if item := e.Record.Item; e.Gap == nil && !IsEcho(item.Source) {
				list = append(list, taken{Origin{item.Source, item.Number}, item, k.Epoch, e.Record.Seq})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b taken) int { return a.compare(b.Origin) })
	// What is there twice is the audit's to find.
	return slices.CompactFunc(list, func(a, b taken) bool { return a.Origin == b.Origin }), nil
}

// half is one of the two sides: an export, what its mailbox took in, and in which epochs it may lack what it took in: a gap cut it off, or an outbox was missing.
type half struct {
	Export
	got []taken
	cut map[Epoch]bool
}

func (x Export) half(ctx context.Context) (h half, err error) {
	h.Export, h.cut = x, map[Epoch]bool{}
	for _, k := range x.Epochs {
		h.cut[k.Epoch] = k.missing(x.Mailbox) || k.cut(x.Mailbox) || slices.ContainsFunc(k.Entries, func(e Entry) bool { return e.Gap != nil })
	}
	h.got, err = x.taken(ctx)
	return h, err
}

func (o Origin) compare(other Origin) int {
	return cmp.Or(cmp.Compare(o.Source, other.Source), cmp.Compare(o.Number, other.Number))
}

// Across compares what mailboxes of two instances got of the same sources: both instances take in all that a source tells, in its
// order, so within the numbers that both have of a source each has what goes to it. A finding says where they differ and has no
// proof: an item is signed by its source for the instances alone, so that it cannot be told from outside whether the source told two
// things, or which instance left out or altered one. It ends with ctx.
func Across(ctx context.Context, a, b Export, keys Keyring) (c Crossing, err error) {
	if a.Instance == b.Instance {
		return c, malformed("mailboxes of two instances are compared by their sources, and both are of %s", a.Instance)
	}
	if c.Blames, _, err = verifyAll(ctx, keys, a, b); err != nil {
		return c, err
	}
	ours, err := a.half(ctx)
	if err != nil {
		return c, err
	}
	theirs, err := b.half(ctx)
	if err != nil {
		return c, err
	}
	parted := map[chain.WalletID]bool{}
	differ := func(has taken, lack half, next taken, lacks bool) { // a wallet's first difference counts
		if parted[has.item.Wallet] {
			return
		}
		parted[has.item.Wallet] = true
		c.Findings = append(c.Findings, Finding{
			Wallet: has.item.Wallet, Epoch: has.epoch, Seq: has.seq, Origin: has.Origin,
			Elsewhere: &Elsewhere{Instance: lack.Instance, Mailbox: lack.Mailbox, Epoch: next.epoch, Lacks: lacks},
		})
	}
	for i, j := 0, 0; i < len(ours.got) && j < len(theirs.got); {
		if err := ctx.Err(); err != nil {
			return c, err
		}
		one, other := ours.got[i], theirs.got[j]
		switch order := one.compare(other.Origin); {
		case order < 0:
			if theirs.lacks(one, j) {
				differ(one, theirs, other, true)
			}
			i++
		case order > 0:
			if ours.lacks(other, i) {
				differ(other, ours, one, true)
			}
			j++
		default:
			if one.item != other.item {
				differ(one, theirs, other, false)
			} else {
				c.Items++
			}
			i, j = i+1, j+1
		}
	}
	slices.SortFunc(c.Findings, func(x, y Finding) int { return bytes.Compare(x.Wallet[:], y.Wallet[:]) })
	if c.Items > 0 {
		c.Until, c.Covered = a.covered(b, theirs.got, c.Findings)
	}
	return c, nil
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
	parts := map[Epoch]bool{}
	for _, f := range findings {
		parts[f.at(x.Instance)] = true
	}
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
		if parts[k.Epoch] {
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
func (h half) lacks(t taken, next int) bool {
	if next == 0 || h.got[next-1].Source != t.Source || h.got[next].Source != t.Source || h.got[next-1].epoch > h.got[next].epoch {
		return false
	}
	first := h.Epochs[0].Epoch // each epoch follows the one before it, as was verified
	for _, k := range h.Epochs[h.got[next-1].epoch-first : h.got[next].epoch-first+1] {
		if h.cut[k.Epoch] || !k.Subscriptions.Reaches(h.Mailbox, t.item) {
			return false
		}
	}
	return true
}
