package feed

import (
	"bytes"
	"fmt"
)

const (
	releaseDomain  = "walletnode/feed/release/1\x00"
	handoverDomain = "walletnode/feed/handover/1\x00"
	maxNumber      = 1 << 62
	// maxHandover is the most bytes of a handover that is read.
	maxHandover = 1 << 15
)

// Handover says that a mailbox goes on in another instance: where the old one ends, and where the new one begins. The mailbox's
// numbers and links go on without a break; epochs and seals are the new instance's from here on.
//
// From an instance to itself it is a loss: the instance's data was put back to an earlier state, of which the mailbox is left up to Number.
// What it delivered after that is void as far as it is not sealed, and may come again under another number; seals go on after the last one
// that it told.
type Handover struct {
	Mailbox  string
	From, To string // instances

	// What the old instance ends with. Of one that is gone it is what the log that both share has of it.
	Number    Number
	Head      Hash
	Sealed    bool       // whether it sealed an epoch
	Epoch     Epoch      // the last one that it sealed; if it released the mailbox, nothing of it comes after
	Positions []Position // what of each source the mailbox has, or does not get
	Released  Signature  // the old instance's; zero if it was gone

	// What the new instance begins with.
	Follows  bool       // whether it had a seal before the mailbox's first epoch
	Before   Epoch      // that seal's
	Previous Hash       // its hash
	Lost     []Position // items up to these numbers, after Positions, were not kept by anyone: a gap
	Skips    uint64     // of a loss: numbers that are left out after Number, so that none that was told before comes a second time
	Taken    Signature  // the new instance's, over all of it
}

// Gone is whether the old instance did not release the mailbox: then what it delivered of epochs that it did not seal is verified by its
// links alone.
func (h Handover) Gone() bool { return h.Released == Signature{} }

// Loss is whether the instance says that it has lost data.
func (h Handover) Loss() bool { return h.From == h.To }

// Goes is the number after which the mailbox goes on.
func (h Handover) Goes() Number { return h.Number + Number(h.Skips) }

// First is the mailbox's first epoch in the new instance; 0 if that had no seal yet.
func (h Handover) First() Epoch {
	if !h.Follows {
		return 0
	}
	return h.Before + 1
}

// over is the epoch after the last one that the old instance sealed; 0 if it sealed none.
func (h Handover) over() Epoch {
	if !h.Sealed {
		return 0
	}
	return h.Epoch + 1
}

func (h Handover) release() []byte {
	b := putName(putName(putName([]byte(releaseDomain), h.Mailbox), h.From), h.To)
	b = append(putU64(b, uint64(h.Number)), h.Head[:]...)
	return putPositions(putU64(append(b, yes(h.Sealed)), uint64(h.Epoch)), h.Positions)
}

func (h Handover) text() []byte {
	b := append([]byte(handoverDomain), h.release()...)
	b = putU64(append(append(b, h.Released[:]...), yes(h.Follows)), uint64(h.Before))
	return putU64(putPositions(append(b, h.Previous[:]...), h.Lost), h.Skips)
}

// Release signs the old instance's part.
func (h *Handover) Release(s Signer) error {
	if err := checkPositions(h.Positions); err != nil {
		return err
	}
	h.Released = s.sign(h.release())
	return nil
}

// Take signs all of it for the new instance.
func (h *Handover) Take(s Signer) error {
	if err := checkPositions(h.Positions); err != nil {
		return err
	}
	if err := checkPositions(h.Lost); err != nil {
		return err
	}
	h.Taken = s.sign(h.text())
	return nil
}

// verifyRelease refuses a release that the old instance did not sign.
func (h Handover) verifyRelease(keys Keyring) error {
	return keys.verify(Actor{Instance: h.From}, h.release(), h.Released, since(h.over()))
}

// Verify refuses a handover that the instances which it names did not sign. One that was gone has not.
func (h Handover) Verify(keys Keyring) error {
	if err := keys.verify(Actor{Instance: h.To}, h.text(), h.Taken, since(max(h.Epoch, h.First()))); err != nil {
		return fmt.Errorf("handover of %s: %w", h.Mailbox, err)
	}
	if h.Gone() {
		return nil
	}
	if err := h.verifyRelease(keys); err != nil {
		return fmt.Errorf("release of %s: %w", h.Mailbox, err)
	}
	return nil
}

// Encode writes the handover's one form.
func (h Handover) Encode() []byte { return append(h.text(), h.Taken[:]...) }

// DecodeHandover accepts what Encode writes. Errors are ErrMalformed. It verifies no signature.
func DecodeHandover(data []byte) (Handover, error) {
	if len(data) > maxHandover {
		return Handover{}, malformed("a handover of %d bytes where at most %d belong", len(data), maxHandover)
	}
	r := reader{rest: data}
	r.header(handoverDomain)
	r.header(releaseDomain)
	h := Handover{
		Mailbox: r.name(), From: r.name(), To: r.name(), Number: Number(r.u64()), Head: r.hash(),
		Sealed: r.boolean(), Epoch: Epoch(r.u64()), Positions: r.positions(), Released: r.signature(),
		Follows: r.boolean(), Before: Epoch(r.u64()), Previous: r.hash(), Lost: r.positions(), Skips: r.u64(), Taken: r.signature(),
	}
	if h.Loss() && h.Released != (Signature{}) {
		r.fail("an instance that lost data releases nothing")
	}
	if h.Loss() != (h.Skips > 0) || h.Goes() < h.Number || h.Goes() > maxNumber {
		r.fail("numbers are left out after a loss")
	}
	if err := r.end("handover"); err != nil {
		return Handover{}, err
	}
	if !bytes.Equal(h.Encode(), data) {
		return Handover{}, malformed("handover: not in its one form")
	}
	return h, nil
}

// Instance is whose feed is read now.
func (r *Reader) Instance() string { return r.instance }

// Handover goes on with the instance that has the mailbox now. A handover that was taken before changes nothing. An error that is a
// Blame says who contradicts what was delivered. ErrUnverified where the policy is to hold, as of a seal: no move leads around it.
func (r *Reader) Handover(h Handover) error {
	if h.Mailbox != r.mailbox {
		return malformed("a handover of mailbox %s", h.Mailbox)
	}
	if err := h.Verify(r.keys); err != nil {
		return err
	}
	if r.instance == h.To && r.at.Number >= h.Goes() {
		return nil
	}
	if r.instance != h.From {
		return malformed("a handover from %s, and %s has the mailbox", h.From, r.instance)
	}
	if err := r.ends(h); err != nil {
		return err
	}
	if err := r.goOn(h.To); err != nil {
		return err
	}
	r.instance, r.open, r.entries = h.To, nil, 0
	r.lastSeq, r.doubt, r.outboxes = [MaxShards]Seq{}, 0, 0
	r.at.Number, r.at.Head = h.Goes(), h.Head
	r.at.Sealed, r.at.Epoch, r.at.Seal = h.Follows, h.Before, h.Previous
	return nil
}

// ends holds what a handover says of the old instance against what it delivered.
func (r *Reader) ends(h Handover) error {
	says := Actor{Instance: h.From} // who says where the old instance ends
	if h.Gone() {
		says = Actor{Instance: h.To}
	}
	conflict := Blame{Actor: says, Reason: Conflict}
	if r.at.Number < h.Number || r.at.Number == h.Number && r.at.Head != h.Head || r.at.Number > h.Number && !h.Loss() {
		return fmt.Errorf("the handover of %s at entry %d, and %d was delivered: %w", h.Mailbox, h.Number, r.at.Number, conflict)
	}
	if h.Loss() {
		if r.at.Sealed && (!h.Follows || r.at.Epoch > h.Before || r.at.Epoch == h.Before && r.at.Seal != h.Previous) { // what it has sealed it cannot lose
			return fmt.Errorf("the loss of %s after the seal of epoch %d, and that of epoch %d was told: %w",
				h.Mailbox, h.Before, r.at.Epoch, conflict)
		}
		return nil
	}
	if h.Gone() {
		return nil
	}
	if h.Sealed && (!r.at.Sealed || r.at.Epoch < h.Epoch) {
		return fmt.Errorf("the handover of %s before the seal of epoch %d: %w", h.Mailbox, h.Epoch, ErrSkipped)
	}
	if len(r.open) > 0 {
		return fmt.Errorf("the handover of %s, and not all that was delivered is sealed: %w", h.Mailbox, Blame{Actor: says, Reason: Delivery})
	}
	return nil
}
