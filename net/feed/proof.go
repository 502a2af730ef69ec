package feed

import (
	"errors"
	"fmt"
	"slices"
)

const proofDomain = "walletnode/feed/proof/1\x00"

// MaxProof is the most bytes of a proof that is read: two seals, or one and the subscriptions.
const MaxProof = 2*MaxSeal + 1<<16

// ErrProof says that what is shown proves nothing.
var ErrProof = errors.New("this proves nothing")

// Fault is what a proof shows. The numbers are part of its form, and never reused.
type Fault uint8

// The faults.
const (
	TwoSeals Fault = 1 + iota // one epoch was sealed twice, differently
	Lacks                     // a mailbox lacks a record that goes to it
	Differs                   // one number stands for two records
	faultEnd
)

// String returns the fault in words.
func (f Fault) String() string {
	switch f {
	case TwoSeals:
		return "sealed one epoch twice"
	case Lacks:
		return "a recipient's mailbox lacks a record"
	case Differs:
		return "one number stands for two records"
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Piece is a record in its place of what an outbox committed to for a mailbox.
type Piece struct {
	Mailbox string
	Shard   uint16
	Index   uint64
	Record  Record
	Path    []Hash
}

// Proof shows to anyone with the instance's public key that a stage of it, or the instance, did something wrong. Compare makes one.
type Proof struct {
	Fault   Fault
	Seq     Seq   // of the record; 0 of two seals
	Accused Actor // by what the stages signed
	Seal    Seal
	Other   *Seal          // of TwoSeals
	Who     *Subscriptions // of Lacks: who gets the record
	Has     Piece          // the record, in the mailbox that has it
	Mailbox string         // of Lacks: the mailbox that does not
	Against []Piece        // of Lacks the records around its place, of Differs the other record
}

func proveSeals(a, b Seal) Proof {
	if ha, hb := a.Hash(), b.Hash(); slices.Compare(ha[:], hb[:]) > 0 {
		a, b = b, a
	}
	return Proof{Fault: TwoSeals, Accused: a.Actor.Whole(), Seal: a, Other: &b}
}

// missing is whether an outbox that keeps one of the mailboxes did not commit: then nothing is signed that a piece could be shown of.
func (k Kept) missing(mailboxes ...string) bool {
	for _, m := range mailboxes {
		if _, ok := k.Seal.HeadOf(m); !ok {
			return true
		}
	}
	return false
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

// cut is whether the mailbox was closed by a gap in this epoch or before: it holds less than was committed to, and says so.
func (k Kept) cut(mailbox string) bool {
	head, _ := k.Seal.HeadOf(mailbox)
	return head.Closed
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
	if p.Fault == Lacks {
		return Trace(p.Seal, p.Mailbox, p.Has.Shard, p.Has.Record.Item.Source)
	}
	against := p.Against[0]
	one, who := Trace(p.Seal, p.Has.Mailbox, p.Has.Shard, p.Has.Record.Item.Source)
	two, other := Trace(p.Seal, against.Mailbox, against.Shard, against.Record.Item.Source)
	if who.Stage == 0 || other.Stage != 0 && len(two) < len(one) {
		return two, other
	}
	return one, who
}

// Verify refuses a proof that does not show what it says with the keys of a keyring. ErrUnknownInstance says that it cannot be told.
func (p Proof) Verify(keys Keyring) error {
	if _, known := keys[p.Seal.Actor.Instance]; !known {
		return fmt.Errorf("proof about %v: %w", p.Seal.Actor, ErrUnknownInstance)
	}
	if err := p.check(); err != nil { // hashes first: signatures are dear
		return err
	}
	for _, s := range []*Seal{&p.Seal, p.Other} {
		if s == nil {
			continue
		}
		if err := s.Verify(keys); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProof}, args...)...)
}

// check is Verify without the signatures.
func (p Proof) check() error {
	if (p.Fault == TwoSeals) != (p.Other != nil) || (p.Fault == Lacks) != (p.Who != nil) || p.Fault == Differs && len(p.Against) != 1 {
		return refuse("it is not whole")
	}
	if p.Fault == TwoSeals {
		return p.checkSeals()
	}
	if err := p.Has.in(p.Seal); err != nil {
		return err
	}
	if p.Has.Record.Seq != p.Seq {
		return refuse("it is about record %d and shows %d", p.Seq, p.Has.Record.Seq)
	}
	for _, piece := range p.Against {
		if err := piece.in(p.Seal); err != nil {
			return err
		}
	}
	var err error
	if p.Fault == Lacks {
		err = p.checkLacks()
	} else {
		err = p.checkDiffers()
	}
	if err != nil {
		return err
	}
	if _, accused := p.accuse(); accused != p.Accused {
		return refuse("by what was signed %v is to blame, and not %v", accused, p.Accused)
	}
	return nil
}

func (p Proof) checkSeals() error {
	a, b := p.Seal.Hash(), p.Other.Hash()
	switch {
	case p.Seal.Actor != p.Other.Actor || p.Seal.Epoch != p.Other.Epoch:
		return refuse("the seals are of different epochs or instances")
	case slices.Compare(a[:], b[:]) >= 0:
		return refuse("the seals are the same, or not in order")
	case p.Accused != p.Seal.Actor.Whole() || p.Seq != 0:
		return refuse("two seals are the fault of the instance, and of no record")
	}
	return nil
}

func (p Proof) checkDiffers() error {
	other := p.Against[0]
	if other.Record.Seq != p.Seq || other.Record == p.Has.Record || other.Mailbox <= p.Has.Mailbox {
		return refuse("the two records of number %d are the same, or not of two mailboxes in order", p.Seq)
	}
	return nil
}

func (p Proof) checkLacks() error {
	item := p.Has.Record.Item
	if p.Who.Hash() != p.Seal.Subscriptions || !p.Who.Reaches(p.Mailbox, item) ||
		p.Who.For(item).Hash != p.Has.Record.Recipients {
		return refuse("record %d does not go to %s", p.Seq, p.Mailbox)
	}
	outbox := Actor{Instance: p.Seal.Actor.Instance, Stage: Outbox, Index: uint16(OutboxOf(p.Mailbox, max(1, p.Seal.stage(Outbox))))}
	c, ok := p.Seal.CommitmentOf(outbox)
	if !ok {
		return refuse("%v committed to nothing", outbox)
	}
	count := find(c.Out, Label{Way: ByLane, Name: p.Mailbox, Shard: p.Has.Shard}).Count
	next := uint64(0) // the place that the record would have
	for i, piece := range p.Against {
		if piece.Mailbox != p.Mailbox || piece.Shard != p.Has.Shard {
			return refuse("a record of another mailbox or receiver")
		}
		switch {
		case piece.Record.Seq < p.Seq && i == 0:
			next = piece.Index + 1
		case piece.Record.Seq > p.Seq && i == len(p.Against)-1 && piece.Index == next:
			return nil
		default:
			return refuse("the records shown are not those around the place of record %d", p.Seq)
		}
	}
	if next != count {
		return refuse("%s has records after those shown", p.Mailbox)
	}
	return nil
}

// in checks that the piece's outbox committed to it.
func (p Piece) in(s Seal) error {
	outbox := Actor{Instance: s.Actor.Instance, Stage: Outbox, Index: uint16(OutboxOf(p.Mailbox, max(1, s.stage(Outbox))))}
	c, ok := s.CommitmentOf(outbox)
	if !ok {
		return refuse("%v committed to nothing", outbox)
	}
	t := find(c.Out, Label{Way: ByLane, Name: p.Mailbox, Shard: p.Shard})
	if root, ok := rootBy(p.Record.Hash(), p.Index, t.Count, p.Path); !ok || root != t.Root || p.Record.Epoch != s.Epoch {
		return refuse("record %d is not what %v committed to for %s", p.Record.Seq, outbox, p.Mailbox)
	}
	return nil
}
