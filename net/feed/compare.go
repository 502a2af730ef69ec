package feed

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
)

// point is a record that two mailboxes must share.
type point struct {
	seq   Seq
	hash  Hash
	shard uint16
}

// shared returns what a mailbox has of some wallets, or of all, in an epoch that another mailbox gets, too, in the order of the numbers.
func (k Kept) shared(mailbox, other string, wallets ...chain.WalletID) (points []point) {
	for _, e := range k.Entries {
		item := e.Record.Item
		if e.Gap == nil && (len(wallets) == 0 || slices.Contains(wallets, item.Wallet)) &&
			k.Subscriptions.Reaches(mailbox, item) && k.Subscriptions.Reaches(other, item) {
			points = append(points, point{seq: e.Record.Seq, hash: e.Record.Hash(), shard: e.Shard})
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return cmp.Compare(a.seq, b.seq) })
	// A record that is there twice is the audit's to find.
	return slices.CompactFunc(points, func(a, b point) bool { return a.seq == b.seq })
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

// Compare verifies two subscribers' exports of one instance and finds the first difference in what they have of each wallet; none
// are all wallets. Findings are ascending by wallet; blames are of the exports alone.
func Compare(a, b Export, keys Keyring, wallets ...chain.WalletID) ([]Finding, []Blame, error) {
	if a.Instance != b.Instance || a.Mailbox == b.Mailbox {
		return nil, nil, malformed("two mailboxes of one instance are compared by their records, not %s of %s and %s of %s", a.Mailbox, a.Instance, b.Mailbox, b.Instance)
	}
	blames, err := verifyAll(keys, a, b)
	if err != nil {
		return nil, nil, err
	}
	a, b = common(a, b)
	if len(wallets) == 0 {
		wallets = append(a.wallets(), b.wallets()...)
	}
	wallets = slices.Clone(wallets)
	slices.SortFunc(wallets, func(x, y chain.WalletID) int { return bytes.Compare(x[:], y[:]) })
	var findings []Finding
	for _, w := range slices.Compact(wallets) {
		e, part := Parting(a.Trail(b.Mailbox, w), b.Trail(a.Mailbox, w))
		if !part {
			continue
		}
		f, err := parted(a, b, w, e)
		if err != nil {
			return nil, nil, err
		}
		if slices.ContainsFunc(findings, f.sameSeals) { // which is all wallets' trouble, and told once
			continue
		}
		f.Wallet = w
		findings = append(findings, *f)
	}
	return findings, blames, nil
}

// sameSeals is whether two findings are of one epoch that was sealed twice.
func (f Finding) sameSeals(o Finding) bool {
	two := func(f Finding) bool { return f.Proof != nil && f.Proof.Fault == TwoSeals }
	return two(f) && two(o) && f.Epoch == o.Epoch
}

// verifyAll verifies exports, and says who is to blame by them.
func verifyAll(keys Keyring, exports ...Export) (blames []Blame, _ error) {
	for _, x := range exports {
		found, err := x.Verify(keys)
		if err != nil {
			return nil, err
		}
		blames = append(blames, found...)
	}
	slices.SortFunc(blames, Blame.compare)
	return slices.CompactFunc(blames, func(x, y Blame) bool { return x.compare(y) == 0 }), nil
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

// parted finds the first difference of an epoch in which two subscribers part.
func parted(a, b Export, wallet chain.WalletID, e Epoch) (*Finding, error) {
	ka, kb := a.Only(e).Epochs[0], b.Only(e).Epochs[0]
	if ka.Seal.Hash() != kb.Seal.Hash() {
		p := proveSeals(*ka.Seal, *kb.Seal)
		return &Finding{Epoch: e, Proof: &p}, nil
	}
	pa, pb := ka.shared(a.Mailbox, b.Mailbox, wallet), kb.shared(b.Mailbox, a.Mailbox, wallet)
	for i := range max(len(pa), len(pb)) {
		switch {
		case i < len(pa) && (i >= len(pb) || pa[i].seq < pb[i].seq):
			return lacks(a.Mailbox, ka, b.Mailbox, kb, pa[i])
		case i < len(pb) && (i >= len(pa) || pb[i].seq < pa[i].seq):
			return lacks(b.Mailbox, kb, a.Mailbox, ka, pb[i])
		case pa[i] != pb[i]:
			return differs(a.Mailbox, ka, b.Mailbox, kb, pa[i], pb[i])
		}
	}
	return nil, fmt.Errorf("epoch %d: the trails differ and the records do not: %w", e, ErrMalformed)
}
