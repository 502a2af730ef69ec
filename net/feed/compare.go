package feed

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// point is a record that two mailboxes must share.
type point struct {
	seq   Seq
	hash  Hash
	shard uint16
}

// both is whether an entry's record is one that two mailboxes get.
func (k Kept) both(mailbox, other string, e *Entry) bool {
	return e.Gap == nil && k.Subscriptions.Reaches(mailbox, e.Record.Item) && k.Subscriptions.Reaches(other, e.Record.Item)
}

// point is where the entry's record stands.
func (e *Entry) point() point { return point{seq: e.Record.Seq, hash: e.Record.Hash(), shard: e.Shard} }

// inOrder sorts points by their numbers, each once.
func inOrder(points []point) []point {
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.seq, b.seq) })
	// A record that is there twice is a stray.
	return slices.CompactFunc(points, func(a, b point) bool { return a.seq == b.seq })
}

// shared returns what a mailbox has of some wallets, or of all, in an epoch that another mailbox gets, too, in the order of the numbers.
func (k Kept) shared(mailbox, other string, wallets ...chain.WalletID) (points []point) {
	for i := range k.Entries {
		e := &k.Entries[i]
		if (len(wallets) == 0 || slices.Contains(wallets, e.Record.Item.Wallet)) && k.both(mailbox, other, e) {
			points = append(points, e.point())
		}
	}
	return inOrder(points)
}

// Finding is what a comparison comes to: where two subscribers part in a wallet's records, and who is to blame for it.
type Finding struct {
	Wallet chain.WalletID
	Epoch  Epoch
	Seq    Seq
	Proof  *Proof   // nil where nobody can be blamed yet: a mailbox is cut by a gap, or a missing outbox still owes it its records
	Trace  []Answer // what the stages say, from the outbox back

	// Of two mailboxes at two instances: the item, and what the other one has. Epoch and Seq are those of the one that has the item.
	Origin    Origin
	Elsewhere *Elsewhere
	// Heads says that one of the two has no more than an epoch's heads, so that no record can be named.
	Heads bool
}

// Compare verifies two subscribers' exports of one instance and finds the first difference in what they have of each wallet, or the first
// record that either has out of order or repeated; none are all wallets. Findings are ascending by wallet; blames are of the exports alone. Records are compared up to the first epoch in which
// an export is not what its outbox committed to: what it shows from there on shows nothing about anybody. It takes time linear in the
// entries, and ends with ctx.
func Compare(ctx context.Context, a, b Export, keys Keyring, wallets ...chain.WalletID) ([]Finding, []Blame, error) {
	if a.Instance != b.Instance || a.Mailbox == b.Mailbox {
		return nil, nil, malformed("two mailboxes of one instance are compared by their records, not %s of %s and %s of %s",
			a.Mailbox, a.Instance, b.Mailbox, b.Instance)
	}
	blames, until, err := verifyAll(ctx, keys, a, b)
	if err != nil {
		return nil, nil, err
	}
	a, b = common(a, b)
	c := comparison{only: map[chain.WalletID]bool{}, parted: map[chain.WalletID]bool{}}
	for _, w := range wallets {
		c.only[w] = true
	}
	for i, ka := range a.Epochs {
		kb := b.Epochs[i]
		if ka.Seal.Hash() != kb.Seal.Hash() {
			p := proveSeals(*ka.Seal, *kb.Seal) // which is all wallets' trouble, and told once
			c.findings = append(c.findings, Finding{Wallet: c.least(a, b), Epoch: ka.Epoch, Proof: &p})
			break
		}
		if ka.Epoch >= until {
			continue
		}
		if err := c.epoch(ctx, a.Mailbox, ka, b.Mailbox, kb); err != nil {
			return nil, nil, err
		}
	}
	slices.SortStableFunc(c.findings, func(x, y Finding) int { return bytes.Compare(x.Wallet[:], y.Wallet[:]) })
	return c.findings, blames, nil
}

// comparison is how far Compare is.
type comparison struct {
	only     map[chain.WalletID]bool // none: all
	parted   map[chain.WalletID]bool
	findings []Finding
}

// of is whether a wallet is still to be compared.
func (c *comparison) of(w chain.WalletID) bool {
	return !c.parted[w] && (len(c.only) == 0 || c.only[w])
}

// least is the first of the wallets that are still to be compared; zero if there is none.
func (c *comparison) least(a, b Export) (least chain.WalletID) {
	found := false
	for _, w := range append(a.wallets(), b.wallets()...) {
		if c.of(w) && (!found || bytes.Compare(w[:], least[:]) < 0) {
			least, found = w, true
		}
	}
	return least
}

// epoch finds where wallets part in an epoch that was sealed once.
func (c *comparison) epoch(ctx context.Context, mailbox string, ka Kept, other string, kb Kept) error {
	a, err := ka.side(ctx, mailbox, other)
	if err != nil {
		return err
	}
	b, err := kb.side(ctx, other, mailbox)
	if err != nil {
		return err
	}
	strays := []map[chain.WalletID]stray{a.firstStrays(other), b.firstStrays(mailbox)}
	for _, two := range [][2]*side{{a, b}, {b, a}} {
		for w := range two[0].points {
			if !c.of(w) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := parting(a, b, w)
			for i, s := range []*side{a, b} {
				if x, there := strays[i][w]; err == nil && there && (f == nil || x.seq < f.Seq) {
					f, err = disorders(s, x)
				}
			}
			if err != nil {
				return err
			}
			if f != nil {
				f.Wallet, c.parted[w] = w, true
				c.findings = append(c.findings, *f)
			}
		}
	}
	return nil
}

// parting is the first difference in a wallet's records; nil if there is none.
func parting(a, b *side, w chain.WalletID) (*Finding, error) {
	pa, pb := a.points[w], b.points[w]
	for i := range max(len(pa), len(pb)) {
		switch {
		case i < len(pa) && (i >= len(pb) || pa[i].seq < pb[i].seq):
			return lacks(a, b, pa[i])
		case i < len(pb) && (i >= len(pa) || pb[i].seq < pa[i].seq):
			return lacks(b, a, pb[i])
		case pa[i] != pb[i]:
			return differs(a, b, pa[i], pb[i])
		}
	}
	return nil, nil //nolint:nilnil // no difference is an answer
}

// verifyAll verifies exports, and says who is to blame by them, and which is the first epoch in which one of them is not what its outbox
// committed to.
func verifyAll(ctx context.Context, keys Keyring, exports ...Export) (blames []Blame, until Epoch, _ error) {
	until = ^Epoch(0)
	for _, x := range exports {
		found, upTo, err := x.verify(ctx, keys)
		if err != nil {
			return nil, 0, err
		}
		blames, until = append(blames, found...), min(until, upTo)
	}
	slices.SortFunc(blames, Blame.compare)
	return slices.CompactFunc(blames, func(x, y Blame) bool { return x.compare(y) == 0 }), until, nil
}

// wallets returns those of which the export has records.
func (x Export) wallets() (list []chain.WalletID) {
	for _, k := range x.Epochs {
		for _, e := range k.Entries {
			if e.Gap == nil {
				list = append(list, e.Record.Item.Wallet)
			}
		}
	}
	return list
}

// common leaves of two exports the epochs that both have.
func common(a, b Export) (Export, Export) {
	has := func(x Export, e Epoch) bool {
		return slices.ContainsFunc(x.Epochs, func(k Kept) bool { return k.Epoch == e })
	}
	only := func(x, y Export) Export {
		x.Epochs = slices.DeleteFunc(slices.Clone(x.Epochs), func(k Kept) bool { return !has(y, k.Epoch) })
		return x
	}
	return only(a, b), only(b, a)
}
