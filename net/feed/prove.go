package feed

import "slices"

// proveSeals proves that an epoch was sealed twice.
func proveSeals(a, b Seal) Proof {
	if ha, hb := a.Hash(), b.Hash(); slices.Compare(ha[:], hb[:]) > 0 {
		a, b = b, a
	}
	return Proof{Fault: TwoSeals, Accused: a.Actor.whole(), Seal: a, Other: &b}
}

// lacks proves that one mailbox has a record and the other one, to which it goes, does not.
func lacks(a, b *side, p point) (*Finding, error) {
	f := &Finding{Epoch: a.Epoch, Seq: p.seq}
	if a.missing(a.mailbox, b.mailbox) || b.cut(b.mailbox) || a.cut(a.mailbox) {
		return f, nil
	}
	proof := Proof{Fault: Lacks, Seq: p.seq, Seal: *a.Seal, Who: a.Subscriptions, Has: a.piece(p), Mailbox: b.mailbox}
	proof.Against = b.around(p)
	f.Trace, proof.Accused = Trace(proof.Seal, b.mailbox, p.shard, proof.Has.Record.Item.Source)
	f.Proof = &proof
	return f, proof.check()
}

// differs proves that two mailboxes have different records under one number.
func differs(a, b *side, pa, pb point) (*Finding, error) {
	if a.mailbox > b.mailbox { // there is one form
		return differs(b, a, pb, pa)
	}
	f := &Finding{Epoch: a.Epoch, Seq: pa.seq}
	if a.missing(a.mailbox, b.mailbox) || a.cut(a.mailbox) || b.cut(b.mailbox) {
		return f, nil
	}
	proof := Proof{Fault: Differs, Seq: pa.seq, Seal: *a.Seal, Has: a.piece(pa), Against: []Piece{b.piece(pb)}}
	f.Trace, proof.Accused = proof.accuse()
	f.Proof = &proof
	return f, proof.check()
}

// accuse traces what differs: of two lanes that of the stage which admits it, nearest to the subscriber.
func (p Proof) accuse() ([]Answer, Actor) {
	switch p.Fault {
	case Lacks:
		return Trace(p.Seal, p.Mailbox, p.Has.Shard, p.Has.Record.Item.Source)
	case Alters, Disorders:
		return Trace(p.Seal, p.Has.Mailbox, p.Has.Shard, p.Has.Record.Item.Source)
	case Omits:
		return p.accuseOmits()
	default:
	}
	against := p.Against[0]
	one, who := Trace(p.Seal, p.Has.Mailbox, p.Has.Shard, p.Has.Record.Item.Source)
	two, other := Trace(p.Seal, against.Mailbox, against.Shard, against.Record.Item.Source)
	if who.Stage == 0 || other.Stage != 0 && len(two) < len(one) {
		return two, other
	}
	return one, who
}
