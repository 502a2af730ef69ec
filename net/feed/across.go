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
	Epoch    Epoch // in which it has another item of that number, or else the next one of that source, or the last one that is known of it
	Lacks    bool  // it has none of that number
	// After is the last number of that source that it has, where it has no later one up to the end of Epoch, and went on meanwhile; 0 of
	// other differences. It may not have taken it in yet.
	After uint64
	// Strays says that it has the item out of order or repeated, which the finding's epoch and record are about: the first side is not needed for that.
	Strays bool
}

// Crossing is what mailboxes of two instances come to.
type Crossing struct {
	Items   int   // that both have alike
	Until   Epoch // of the first export: the last epoch, none before it with a difference, whose items the other one has, if Covered
	Covered bool
	// Findings are of each wallet the first difference that can be proved, else the first, ascending by wallet; and after them, of each side and
	// source, what the other side has nothing of to the end (Elsewhere.After).
	Findings []Finding
	Blames   []Blame // by each export alone
}

// maxCrossProofs bounds how many differences of a crossing are tried to be proved: each takes hashing all that came of a receiver.
const maxCrossProofs = 64

func (o Origin) compare(other Origin) int {
	return cmp.Or(cmp.Compare(o.Source, other.Source), cmp.Compare(o.Number, other.Number))
}

// Across compares what a mailbox got with what a mailbox at other instances got, in one stay or several: all instances take in all that a
// source tells, in its order, so within the numbers that both have of a source each has what goes to it. What a move repeats counts as what
// it repeats, by what its origin signed. Who is to blame for a difference is proved where what origins signed and instances sealed
// shows it. Kept is all that is kept of a's mailbox, stay by stay, those epochs included: it is not compared, and says what came to a
// before and after them, which nobody withheld. It ends with ctx.
func Across(ctx context.Context, a Export, b []Export, keys Keyring, kept ...Export) (c Crossing, err error) {
	all := append([]Export{a}, b...)
	for _, x := range b {
		if x.Instance == a.Instance || x.Mailbox != b[0].Mailbox {
			return c, malformed("mailboxes of two instances are compared by their sources, not %s of %s and %s of %s",
				a.Mailbox, a.Instance, x.Mailbox, x.Instance)
		}
	}
	var until Epoch
	if c.Blames, until, err = verifyAll(ctx, keys, all...); err != nil {
		return c, err
	}
	ours, err := halfOf(ctx, keys, a)
	if err != nil {
		return c, err
	}
	theirs, err := halfOf(ctx, keys, b...)
	if err != nil {
		return c, err
	}
	x := crossing{keys: keys, found: map[chain.WalletID]*Finding{}, parts: map[Epoch]bool{}}
	if c.Items, err = x.sideBySide(ctx, ours, theirs); err != nil {
		return c, err
	}
	for _, h := range []*half{ours, theirs} {
		if err := x.disorders(ctx, h, ours, until); err != nil {
			return c, err
		}
	}
	for _, f := range x.found {
		c.Findings = append(c.Findings, *f)
	}
	slices.SortFunc(c.Findings, func(x, y Finding) int { return bytes.Compare(x.Wallet[:], y.Wallet[:]) })
	if c.Items > 0 {
		c.Until, c.Covered = ours.covered(theirs, x.parts, kept)
		here, err := x.silences(ctx, theirs, ours, kept)
		if err != nil {
			return c, err
		}
		there, err := x.silences(ctx, ours, theirs, nil)
		if err != nil {
			return c, err
		}
		c.Findings = slices.Concat(c.Findings, here, there)
	}
	return c, nil
}

// crossing is what is found under way.
type crossing struct {
	keys  Keyring
	found map[chain.WalletID]*Finding
	parts map[Epoch]bool // of the first export, in which something differs
	tried int
}

// sideBySide goes through what both got, in the sources' order, tells what differs, and returns how many items both have alike.
func (x *crossing) sideBySide(ctx context.Context, ours, theirs *half) (alike int, err error) {
	for i, j := 0, 0; i < len(ours.got) && j < len(theirs.got); {
		if err := ctx.Err(); err != nil {
			return alike, err
		}
		one, other := ours.got[i], theirs.got[j]
		switch order := one.compare(other.Origin); {
		case order < 0:
			if theirs.lacks(one, j) {
				x.parts[one.epoch] = true
				x.lacks(one, theirs, j)
			}
			i++
		case order > 0:
			if ours.lacks(other, i) {
				x.parts[one.epoch] = true
				x.lacks(other, ours, i)
			}
			j++
		default:
			if one.item != other.item {
				x.parts[one.epoch] = true
				x.differs(one, other)
			} else {
				alike++
			}
			i, j = i+1, j+1
		}
	}
	return alike, nil
}

// tell keeps a difference of a wallet: the first, and instead of it the first one that is proved.
func (x *crossing) tell(has taken, at Elsewhere, prove func() (Proof, bool)) {
	w := has.item.Wallet
	if f := x.found[w]; f != nil && f.Proof != nil {
		return
	}
	f := Finding{Wallet: w, Epoch: has.epoch, Seq: has.seq, Origin: has.Origin, Elsewhere: &at}
	if x.tried < maxCrossProofs {
		if p, ok := prove(); ok {
			x.tried++
			if p.Verify(x.keys) == nil {
				f.Proof = &p
				if p.Fault != TwoItems {
					f.Trace, _ = p.accuse()
				}
			}
		}
	}
	if x.found[w] == nil || f.Proof != nil {
		x.found[w] = &f
	}
}

// lacks tells that one has an item which the other one should have before its entry next.
func (x *crossing) lacks(has taken, lack *half, next int) {
	of := lack.got[next].of
	at := Elsewhere{Instance: of.Instance, Mailbox: of.Mailbox, Epoch: lack.got[next].epoch, Lacks: true}
	x.tell(has, at, func() (Proof, bool) { return of.omits(has, lack.got[next-1], lack.got[next]) })
}

// differs tells that two have different items of one number.
func (x *crossing) differs(one, other taken) {
	at := Elsewhere{Instance: other.of.Instance, Mailbox: other.of.Mailbox, Epoch: other.epoch}
	x.tell(one, at, func() (Proof, bool) {
		a, b := one.signed(x.keys), other.signed(x.keys)
		switch {
		case a != nil && b != nil:
			return proveItems(*a, *b), true
		case a != nil:
			return other.alters(*a)
		case b != nil:
			return one.alters(*b)
		default:
			return Proof{}, false
		}
	})
}
