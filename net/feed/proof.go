package feed

import (
	"errors"
	"fmt"
	"slices"
)

const proofDomain = "walletnode/feed/proof/1\x00"

// maxProof is the most bytes of a proof that is read: two seals, each with subscriptions and a lane.
const maxProof = 2*(MaxSeal+maxSubscriptions+maxLane*(recordSize+MaxName)) + 1<<16

// ErrProof says that what is shown proves nothing.
var ErrProof = errors.New("this proves nothing")

// Fault is what a proof shows. The numbers are part of its form, and never reused.
type Fault uint8

// The faults.
const (
	TwoSeals  Fault = 1 + iota // one epoch was sealed twice, differently
	Lacks                      // a mailbox lacks a record that goes to it
	Differs                    // one number stands for two records
	TwoItems                   // an origin signed two items under one number
	Alters                     // an instance sealed another item than the one that its origin signed under the number
	Omits                      // a mailbox lacks an item of an origin, and has earlier and later ones
	Disorders                  // a mailbox has a record after one of its number or a later one
	Reorders                   // a mailbox has an item under a later record than a later item of its origin, or than itself
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
	case TwoItems:
		return "signed two items under one number"
	case Alters:
		return "sealed another item than its origin signed"
	case Omits:
		return "a recipient's mailbox lacks an item between two of its origin"
	case Disorders:
		return "a mailbox has a record out of order or repeated"
	case Reorders:
		return "a mailbox has an item out of its origin's order or repeated"
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

// Proof shows to anyone with the public keys of an instance and, where items are shown, of their origin that a stage of it, or the instance, did
// something wrong. Compare and Across make one.
type Proof struct {
	Fault Fault
	// Seq is the number of the record; 0 of two seals and of two items. Of Omits it is that of the record before which the item belongs.
	Seq     Seq
	Accused Actor          // by what the stages signed
	Seal    Seal           // none of TwoItems and Omits
	Other   *Seal          // of TwoSeals
	Who     *Subscriptions // of Lacks: who gets the record
	Has     Piece          // the record, in the mailbox that has it
	Mailbox string         // of Lacks and Omits: the mailbox that does not have it
	Against []Piece        // of Lacks and Omits the records around its place, of Differs the other record, of Disorders and Reorders the one before it
	Items   []Signed       // of TwoItems both, of Alters and Omits the one that the origin signed
	Epochs  []Stretch      // of Omits: one, or two that follow each other
}

// Origin is the item that the proof is about, as its origin counts it; none where the origin has not signed it.
func (p Proof) Origin() (o Origin, signed bool) {
	if len(p.Items) == 0 {
		return o, false
	}
	return Origin{p.Items[0].Item.Source, p.Items[0].Item.Number}, true
}

// At is the epoch of the record, and the instance that sealed it; of two items there is none.
func (p Proof) At() (Epoch, string) {
	seal := p.Seal
	if len(p.Epochs) > 0 {
		seal = p.Epochs[len(p.Epochs)-1].Seal
	}
	return seal.Epoch, seal.Actor.Instance
}

// Verify refuses a proof that does not show what it says with the keys of a keyring. ErrUnknownInstance says that it cannot be told.
func (p Proof) Verify(keys Keyring) error {
	var seals []Seal
	if p.Seal.Actor.Instance != "" {
		seals = append(seals, p.Seal)
	}
	if p.Other != nil {
		seals = append(seals, *p.Other)
	}
	for _, s := range p.Epochs {
		seals = append(seals, s.Seal)
	}
	for _, s := range seals {
		if _, known := keys[s.Actor.Instance]; !known {
			return fmt.Errorf("proof about %v: %w", s.Actor, ErrUnknownInstance)
		}
	}
	for _, i := range p.Items {
		if _, known := keys[i.Item.Source]; !known {
			return fmt.Errorf("proof about an item of %s: %w", i.Item.Source, ErrUnknownInstance)
		}
	}
	if err := p.check(); err != nil { // hashes first: signatures are dear
		return err
	}
	for _, i := range p.Items {
		if err := i.verify(keys); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	for _, s := range seals {
		if err := s.Verify(keys); err != nil {
			return fmt.Errorf("proof: %w", err)
		}
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrProof}, args...)...)
}

// whole is whether a proof has the parts of its fault, and no others.
func (p Proof) whole() bool {
	switch own := p.Seal.Actor.Instance != ""; p.Fault {
	case TwoSeals:
		return own && p.Other != nil && p.Who == nil && len(p.Against)+len(p.Items)+len(p.Epochs) == 0
	case Lacks:
		return own && p.Other == nil && p.Who != nil && len(p.Items)+len(p.Epochs) == 0
	case Differs, Disorders, Reorders:
		return own && p.Other == nil && p.Who == nil && len(p.Against) == 1 && len(p.Items)+len(p.Epochs) == 0
	case TwoItems:
		return !own && p.Other == nil && p.Who == nil && len(p.Against)+len(p.Epochs) == 0 && len(p.Items) == 2
	case Alters:
		return own && p.Other == nil && p.Who == nil && len(p.Against)+len(p.Epochs) == 0 && len(p.Items) == 1
	case Omits:
		return !own && p.Other == nil && p.Who == nil && len(p.Against) == 2 && len(p.Items) == 1 && (len(p.Epochs) == 1 || len(p.Epochs) == 2)
	default:
		return false
	}
}

// check is Verify without the signatures.
func (p Proof) check() error {
	if !p.whole() {
		return refuse("it is not whole")
	}
	var err error
	switch p.Fault {
	case TwoSeals:
		return p.checkSeals()
	case TwoItems:
		return p.checkItems()
	case Omits:
		err = p.checkOmits()
	default:
		err = p.checkPieces()
	}
	if err != nil {
		return err
	}
	if _, accused := p.accuse(); accused != p.Accused {
		return refuse("by what was signed %v is to blame, and not %v", accused, p.Accused)
	}
	return nil
}

// checkPieces checks what is shown of one epoch.
func (p Proof) checkPieces() error {
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
	switch p.Fault {
	case Lacks:
		return p.checkLacks()
	case Alters:
		return p.checkAlters()
	case Disorders:
		return p.checkDisorders()
	case Reorders:
		return p.checkReorders()
	default:
		return p.checkDiffers()
	}
}

func (p Proof) checkSeals() error {
	a, b := p.Seal.Hash(), p.Other.Hash()
	switch {
	case p.Seal.Actor != p.Other.Actor || p.Seal.Epoch != p.Other.Epoch:
		return refuse("the seals are of different epochs or instances")
	case slices.Compare(a[:], b[:]) >= 0:
		return refuse("the seals are the same, or not in order")
	case p.Accused != p.Seal.Actor.whole() || p.Seq != 0:
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
	outbox := p.Seal.keeper(p.Mailbox)
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
	outbox := s.keeper(p.Mailbox)
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
