package feed

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
)

const sealDomain = "walletnode/feed/seal/1\x00"

// Reason is why an actor is blamed. The numbers are signed, and never reused.
type Reason uint8

// The reasons.
const (
	Missing   Reason = 1 + iota // it did not commit by the deadline
	False                       // it committed to something else than what passed it
	Changed                     // what went out is not what came in
	Numbering                   // it numbered records wrongly, or named wrong recipients
	Conflict                    // neighbours contradict each other, and no link says which is wrong; or one instance sealed twice
	Delivery                    // its mailbox holds something else than it committed to
	Untimely                    // it ended an epoch before its window was over, or later than it could
	reasonEnd
)

// String returns the reason in words.
func (r Reason) String() string {
	switch r {
	case Missing:
		return "did not commit by the deadline"
	case False:
		return "committed to something else than what passed"
	case Changed:
		return "what went out is not what came in"
	case Numbering:
		return "numbered or addressed records wrongly"
	case Conflict:
		return "contradicts itself"
	case Delivery:
		return "delivered something else than it committed to"
	case Untimely:
		return "ended an epoch at another height than its window's end"
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// Blame names who did something wrong, and in which stream it shows.
type Blame struct {
	Actor  Actor
	Reason Reason
	Label  Label // of the first stream in which it shows; zero where it is none's
	Seq    Seq   // of the record, where one is known
}

func (b Blame) compare(o Blame) int {
	return cmp.Or(compareActors(b.Actor, o.Actor), cmp.Compare(b.Reason, o.Reason))
}

// Error makes a blame the reason for which something is refused.
func (b Blame) Error() string {
	text := fmt.Sprintf("%v %v", b.Actor, b.Reason)
	if b.Seq != 0 {
		text += fmt.Sprintf(" (record %d)", b.Seq)
	}
	return text
}

func compareActors(a, b Actor) int {
	return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Index, b.Index))
}

// Seal closes an epoch: the commitments of all stages, and what the links between them saw, signed by the sequencer. Every epoch
// has one, also if nothing passed.
type Seal struct {
	Actor         Actor // the sequencer
	Epoch         Epoch
	Previous      Hash // of the seal before it; zero of an instance's first
	First         Seq  // the first number of the epoch, or the next one where nothing passed
	Count         uint64
	Version       uint64 // of the subscriptions
	Subscriptions Hash
	Commitments   []Commitment // ascending by actor
	Blames        []Blame      // by the links and the deadline: Missing, False, Numbering; ascending, one per actor and reason
	Signature     Signature
}

// body is the seal without the signature.
func (s Seal) body() []byte {
	b := putU64(putActor([]byte(sealDomain), s.Actor), uint64(s.Epoch))
	b = putU64(append(b, s.Previous[:]...), uint64(s.First))
	b = putU64(putU64(b, s.Count), s.Version)
	b = putU32(append(b, s.Subscriptions[:]...), uint32(len(s.Commitments)))
	for _, c := range s.Commitments {
		b = c.append(b)
	}
	b = putU32(b, uint32(len(s.Blames)))
	for _, x := range s.Blames {
		b = append(putActor(b, x.Actor), byte(x.Reason), byte(x.Label.Way), byte(len(x.Label.Name)))
		b = putU64(putU16(append(b, x.Label.Name...), x.Label.Shard), uint64(x.Seq))
	}
	return b
}

// Sign puts the parts into order and signs.
func (s *Seal) Sign(by Signer) {
	slices.SortFunc(s.Commitments, func(a, b Commitment) int { return compareActors(a.Actor, b.Actor) })
	slices.SortFunc(s.Blames, Blame.compare)
	s.Blames = slices.CompactFunc(s.Blames, func(a, b Blame) bool { return a.compare(b) == 0 })
	s.Signature = by.sign(s.text())
}

// text is what is signed: a hash, since a seal can be long.
func (s Seal) text() []byte {
	h := sha256.Sum256(s.body())
	return append([]byte(sealDomain), h[:]...)
}

// Hash names the seal, and by the link all seals before it.
func (s Seal) Hash() Hash { return sha256.Sum256(s.text()) }

// Verify refuses a seal that its instance did not sign, or in which a commitment is not by who it names: then the error blames the
// sequencer, which has sealed it.
func (s Seal) Verify(keys Keyring) error {
	if err := keys.verify(s.Actor, s.text(), s.Signature, since(s.Epoch+1)); err != nil {
		return fmt.Errorf("seal of epoch %d: %w", s.Epoch, err)
	}
	for _, c := range s.Commitments {
		if err := c.Verify(keys); err != nil {
			return fmt.Errorf("seal of epoch %d: %w: commitment of %w", s.Epoch, Blame{Actor: s.Actor, Reason: False}, err)
		}
	}
	return nil
}

// Encode writes the seal's one form.
func (s Seal) Encode() []byte { return append(s.body(), s.Signature[:]...) }

// DecodeSeal accepts what Encode writes. Errors are ErrMalformed. It verifies no signature.
func DecodeSeal(data []byte) (Seal, error) {
	if len(data) > MaxSeal {
		return Seal{}, malformed("a seal of %d bytes where at most %d belong", len(data), MaxSeal)
	}
	r := reader{rest: data}
	r.header(sealDomain)
	s := Seal{
		Actor: r.actor(), Epoch: Epoch(r.u64()), Previous: r.hash(),
		First: Seq(r.u64()), Count: r.u64(), Version: r.u64(), Subscriptions: r.hash(),
	}
	s.Commitments = make([]Commitment, r.count(maxActors, 5+12+64))
	for i := range s.Commitments {
		s.Commitments[i] = r.commitment(s.Epoch)
		if i > 0 && compareActors(s.Commitments[i-1].Actor, s.Commitments[i].Actor) >= 0 {
			r.fail("commitments that do not ascend")
		}
	}
	s.Blames = make([]Blame, r.count(maxBlames, 18))
	for i := range s.Blames {
		s.Blames[i] = r.blame()
		if i > 0 && s.Blames[i-1].compare(s.Blames[i]) >= 0 {
			r.fail("blames that do not ascend")
		}
	}
	s.Signature = r.signature()
	if s.Actor.Stage != Sequencer || s.Actor.Index != 0 {
		r.fail("seals are made by a sequencer")
	}
	if s.First == 0 || uint64(s.First)+s.Count < uint64(s.First) {
		r.fail("records are counted from 1")
	}
	return s, r.end("seal")
}

func (r *reader) blame() Blame {
	b := Blame{Actor: r.actor(), Reason: Reason(r.u8())}
	b.Label.Way = Way(r.u8())
	if n := r.u8(); n > 0 {
		b.Label.Name = string(r.take(int(n)))
		if r.err == nil {
			r.err = CheckName(b.Label.Name)
		}
	}
	b.Label.Shard, b.Seq = r.u16(), Seq(r.u64())
	if b.Reason == 0 || b.Reason >= reasonEnd || b.Label.Way >= wayEnd {
		r.fail("a blame for nothing")
	}
	return b
}

// CommitmentOf returns what an actor said, if it did.
func (s Seal) CommitmentOf(a Actor) (Commitment, bool) {
	i, ok := slices.BinarySearchFunc(s.Commitments, a, func(c Commitment, a Actor) int { return compareActors(c.Actor, a) })
	if !ok {
		return Commitment{}, false
	}
	return s.Commitments[i], true
}

// stage counts how many actors of a stage the seal speaks of: those that committed and those that are missing.
func (s Seal) stage(stage Stage) int {
	n := 0
	for _, c := range s.Commitments {
		if c.Actor.Stage == stage {
			n = max(n, int(c.Actor.Index)+1)
		}
	}
	for _, b := range s.Blames {
		if b.Actor.Stage == stage && b.Reason == Missing {
			n = max(n, int(b.Actor.Index)+1)
		}
	}
	return n
}

// blamed is whether the seal itself blames an actor for a reason.
func (s Seal) blamed(a Actor, reason Reason) bool {
	return slices.ContainsFunc(s.Blames, func(b Blame) bool { return b.Actor == a && b.Reason == reason })
}

// HeadOf returns where a mailbox ended with the epoch, by its outbox's word; false if that outbox is missing or the mailbox was not
// there.
func (s Seal) HeadOf(mailbox string) (Head, bool) {
	for _, c := range s.Commitments {
		if c.Actor.Stage != Outbox {
			continue
		}
		i, ok := slices.BinarySearchFunc(c.Heads, mailbox, func(h Head, m string) int { return cmp.Compare(h.Mailbox, m) })
		if ok {
			return c.Heads[i], true
		}
	}
	return Head{}, false
}
