package feed

import (
	"context"
	"slices"
)

// half is what one side of a crossing got: a mailbox, at one instance or at several one after the other.
type half struct {
	shown []*shown
	got   []taken // ascending by origin, each once
}

// shown is an export of it.
type shown struct {
	Export
	cut    map[Epoch]bool // in which it may lack what it took in: a gap cut it off, an outbox was missing, or it cannot be told what was repeated
	untold map[Epoch]bool // in which something was repeated of which nobody knows what it was
	sides  map[Epoch]*side
}

// taken is an item as one mailbox got it.
type taken struct {
	Origin
	item    Item // as its origin told it
	epoch   Epoch
	seq     Seq
	of      *shown
	record  Record
	shard   uint16
	witness *Witness
}

// halfOf sorts what was shown.
func halfOf(ctx context.Context, keys Keyring, exports ...Export) (*half, error) {
	h, signed := &half{}, Verifier{Keys: keys}
	for _, x := range exports {
		of := &shown{Export: x, cut: map[Epoch]bool{}, untold: map[Epoch]bool{}, sides: map[Epoch]*side{}}
		h.shown = append(h.shown, of)
		for _, k := range x.Epochs {
			of.cut[k.Epoch] = k.missing(x.Mailbox) || k.cut(x.Mailbox)
			for i := range k.Entries {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				e := &k.Entries[i]
				t := taken{item: e.Record.Item, epoch: k.Epoch, seq: e.Record.Seq, of: of, record: e.Record, shard: e.Shard, witness: k.witness(i)}
				switch {
				case e.Gap != nil:
					of.cut[k.Epoch] = true
					continue
				case !IsEcho(t.item.Source):
				case t.witness == nil || signed.Verify(t.item, *t.witness) != nil: // the echo's numbers are its own
					of.cut[k.Epoch], of.untold[k.Epoch] = true, true
					continue
				default:
					t.item = t.witness.told(t.item)
				}
				t.Origin = Origin{t.item.Source, t.item.Number}
				h.got = append(h.got, t)
			}
		}
	}
	slices.SortStableFunc(h.got, func(a, b taken) int { return a.compare(b.Origin) })
	// What is there twice is the audit's to find.
	h.got = slices.CompactFunc(h.got, func(a, b taken) bool { return a.Origin == b.Origin })
	return h, nil
}

// lacks is whether an item goes to the mailbox, and it is not there between what the mailbox got before and after it of the source's series.
// What a gap cut off, an outbox missed, or epochs that are not shown may hold does not count.
func (h *half) lacks(t taken, next int) bool {
	if next == 0 {
		return false
	}
	before, after := &h.got[next-1], &h.got[next]
	if before.Source != t.Source || after.Source != t.Source || before.of != after.of || before.epoch > after.epoch ||
		!sameSeries(before.Number, after.Number) {
		return false
	}
	of := after.of
	first := of.Epochs[0].Epoch // each epoch follows the one before it, as was verified
	for _, k := range of.Epochs[before.epoch-first : after.epoch-first+1] {
		if of.cut[k.Epoch] || !k.Subscriptions.Gets(of.Mailbox, t.item.Wallet, t.item.Kind) {
			return false
		}
	}
	return true
}

// kept is an epoch that is shown.
func (s *shown) kept(e Epoch) Kept { return s.Epochs[e-s.Epochs[0].Epoch] }

// side is what is shown of an epoch, to make pieces of; they share its trees.
func (s *shown) side(e Epoch) *side {
	if s.sides[e] == nil {
		s.sides[e] = &side{Kept: s.kept(e), mailbox: s.Mailbox}
	}
	return s.sides[e]
}

// echo is whether the item was repeated.
func (t taken) echo() bool { return IsEcho(t.record.Item.Source) }

// piece shows the record in its place.
func (t taken) piece() Piece { return t.of.side(t.epoch).piece(point{seq: t.seq, shard: t.shard}) }

// signed is the item with what its origin signed of it; nil if that is not known.
func (t taken) signed(keys Keyring) *Signed {
	if t.witness == nil || keys.VerifyWitness(t.item, *t.witness) != nil {
		return nil
	}
	return &Signed{Item: t.item, Witness: *t.witness}
}

// alters makes the proof that the instance sealed another item than the origin signed; false if it only repeated it, by a signature of
// its own.
func (t taken) alters(told Signed) (p Proof, ok bool) {
	if t.echo() {
		return p, false
	}
	p = Proof{Fault: Alters, Seq: t.seq, Seal: *t.of.kept(t.epoch).Seal, Has: t.piece(), Items: []Signed{told}}
	_, p.Accused = p.accuse()
	return p, true
}

// omits makes the proof that the mailbox lacks what the origin signed, between two others of the origin; false where that cannot be shown.
func (s *shown) omits(t, before, after taken) (p Proof, ok bool) {
	if t.witness == nil || before.echo() || after.echo() || after.epoch > before.epoch+1 {
		return p, false
	}
	p = Proof{
		Fault: Omits, Seq: after.seq, Mailbox: s.Mailbox, Items: []Signed{{Item: t.item, Witness: *t.witness}},
		Against: []Piece{before.piece(), after.piece()},
	}
	for e := before.epoch; e <= after.epoch; e++ {
		k := s.kept(e)
		lane := s.side(e).lane(k.Seal.shardOf(t.item)).records
		if len(lane) > maxLane {
			return p, false
		}
		p.Epochs = append(p.Epochs, Stretch{Seal: *k.Seal, Who: k.Subscriptions, Lane: lane})
	}
	_, p.Accused = p.accuse()
	return p, true
}
