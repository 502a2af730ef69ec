package evidence

import (
	"bytes"

	"github.com/walletnode/walletnode/internal/wire/pb"
)

// ProveTwoHeads makes the proof that an operator signed two heads of one window, in whatever order they are given. Errors are a
// *Refusal: SlotsDiffer or SameStatement.
func ProveTwoHeads(a, b Head) (Proof, error) {
	if a.Operator != b.Operator || a.Chain != b.Chain || a.Window != b.Window {
		return Proof{}, refuse(SlotsDiffer, "one head is of %v, the other of %v", a, b)
	}
	first, second := a.ID(), b.ID()
	if first == second {
		return Proof{}, refuse(SameStatement, "both heads of %v say the same: one is a retransmission of the other", a)
	}
	if bytes.Compare(first[:], second[:]) > 0 {
		a, b = b, a
	}
	return ofHeads(TwoHeads, a, b), nil
}

// ProveFork makes the proof that a head names another predecessor than the one that the operator signed for that window. A head
// that names none of that window proves nothing: an operator that lost data skips windows, or begins anew. Errors are a
// *Refusal: SlotsDiffer or NoConflict.
func ProveFork(earlier, later Head) (Proof, error) {
	if earlier.Operator != later.Operator || earlier.Chain != later.Chain {
		return Proof{}, refuse(SlotsDiffer, "one head is of %v, the other of %v", earlier, later)
	}
	if link := LinkOf(earlier, later); link != Forked {
		return Proof{}, refuse(NoConflict, "the head of window %d proves nothing beside that of window %d: %s", later.Window, earlier.Window, link)
	}
	return ofHeads(Fork, earlier, later), nil
}

func ofHeads(kind Kind, a, b Head) Proof {
	return Proof{
		Kind: kind, Chain: a.Chain, slot: Slot{Window: b.Window, Operator: a.Operator},
		halves: [2][]byte{a.signed, b.signed}, heads: []Head{a, b},
	}
}

// ProveDenial makes the proof that an operator attested that a leader was silent, and acted on the leader's word. Whoever attests
// None signs nothing for that wallet and window, so whatever was to be signed, it rests on a statement that the head denies.
// Errors are a *Refusal: SlotsDiffer, NoConflict, BadPath or BadHead.
func ProveDenial(h Head, o Opening, q Quote) (Proof, error) {
	if err := o.Under(h); err != nil {
		return Proof{}, err
	}
	attested := Slot{o.Entry.Wallet, o.Entry.Window, h.Operator}
	switch {
	case attested != q.Slot:
		return Proof{}, refuse(SlotsDiffer, "the head's entry is of %v, the message of %v", attested, q.Slot)
	case o.Entry.Status != None:
		return Proof{}, refuse(NoConflict, "the head denies nothing: its entry is %v", o.Entry.Status)
	case q.Leading && o.Entry.Leader != h.Operator:
		return Proof{}, refuse(NoConflict, "the head says that the leader was silent, and %v says that it was the leader", q.Operator)
	}
	return Proof{
		Kind: Denial, Chain: h.Chain, slot: attested, halves: [2][]byte{h.signed, q.signed}, heads: []Head{h}, opening: &o, quote: &q,
	}, nil
}

func readTwoHeads(raw *pb.Proof) (Proof, error) {
	a, b, err := both(raw, strictHead)
	if err != nil {
		return Proof{}, err
	}
	p, err := ProveTwoHeads(a, b)
	if err == nil && p.heads[0].ID() != a.ID() {
		err = refuse(HalvesSwapped, "its heads are not in ascending order of what they say")
	}
	return p, err
}

func readFork(raw *pb.Proof) (Proof, error) {
	a, b, err := both(raw, strictHead)
	if err != nil {
		return Proof{}, err
	}
	if a.Window > b.Window && LinkOf(b, a) == Forked {
		return Proof{}, refuse(HalvesSwapped, "the later head stands first")
	}
	return ProveFork(a, b)
}

func readDenial(raw *pb.Proof) (Proof, error) {
	first, second := raw.GetHalves()[0], raw.GetHalves()[1]
	if topicOf(first) != HeadsTopic && topicOf(second) == HeadsTopic {
		return Proof{}, refuse(HalvesSwapped, "the head stands second")
	}
	h, err := strictHead(first)
	if err != nil {
		return Proof{}, err
	}
	q, err := strictQuote(second)
	if err != nil {
		return Proof{}, err
	}
	o, err := ReadOpening(raw.GetOpening())
	if err != nil {
		return Proof{}, err
	}
	return ProveDenial(h, o, q)
}
