package feed

import (
	"bytes"
	"fmt"
)

// Signed is an item as its origin told it, with what the origin signed of it.
type Signed struct {
	Item    Item
	Witness Witness
}

func (s Signed) verify(keys Keyring) error {
	if err := keys.VerifyWitness(s.Item, s.Witness); err != nil {
		return fmt.Errorf("item %d of %s: %w", s.Item.Number, s.Item.Source, err)
	}
	return nil
}

func putSigned(b []byte, s Signed) []byte { return putBytes(s.Item.append(b), s.Witness.Encode()) }

func (r *reader) signed() (s Signed) {
	s.Item = r.item()
	raw := r.bytes(MaxWitness)
	if r.err == nil {
		s.Witness, r.err = DecodeWitness(raw)
	}
	return s
}

// proveItems proves that one origin signed two items under one number.
func proveItems(a, b Signed) Proof {
	if ha, hb := a.Item.Hash(), b.Item.Hash(); bytes.Compare(ha[:], hb[:]) > 0 {
		a, b = b, a
	}
	return Proof{Fault: TwoItems, Accused: Actor{Instance: a.Item.Source}, Items: []Signed{a, b}}
}

// checkItems refuses two items that do not contradict each other.
func (p Proof) checkItems() error {
	a, b := p.Items[0].Item, p.Items[1].Item
	ha, hb := a.Hash(), b.Hash()
	switch {
	case IsEcho(a.Source) || a.Source != b.Source || a.Number != b.Number:
		return refuse("the items are of different numbers or sources")
	case bytes.Compare(ha[:], hb[:]) >= 0:
		return refuse("the items are the same, or not in order")
	case p.Accused != (Actor{Instance: a.Source}) || p.Seq != 0:
		return refuse("two items of one number are the fault of their origin, and of no record")
	}
	return nil
}

// checkAlters refuses a record that is not another item of the number than the one that its origin signed.
func (p Proof) checkAlters() error {
	told, sealed := p.Items[0].Item, p.Has.Record.Item
	if told.Source != sealed.Source || told.Number != sealed.Number || told == sealed || IsEcho(told.Source) {
		return refuse("record %d is not another item of number %d of %s", p.Seq, told.Number, told.Source)
	}
	return nil
}
