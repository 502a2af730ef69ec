package keygen

import (
	"context"
	"crypto/ecdh"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Dispute is all that it takes to tell who of a pair has broken a key generation: the receiver, whose backend says that what was
// dealt to it is bad, or the dealer, who sealed it. The receiver's backend has opened the session's key for that. Nobody else
// says anything that counts: the dealer has signed what it dealt, and to which key, and the receiver has signed with which key
// it opens, and which of the dealer's messages it means.
type Dispute struct {
	Invitation Invitation
	signer.Opened
	// Dealt is what the dealer's operator signed in the rounds up to the one in question.
	Dealt [][]byte
}

// Fits reports whether the receiver opens with the key to which the dealer says that it has sealed, in each of the rounds. Without
// that what does not open says nothing about the dealer.
func (d Dispute) Fits() error {
	public, ok := publicOf(d.Key)
	if !ok {
		return fmt.Errorf("%w: what is shown is no key", ErrDocument)
	}
	to, other, err := otherKey(d.Invitation.Session(), d.Dealt, d.Invitation.Roster[d.Receiver-1], public)
	if err == nil && other {
		err = fmt.Errorf("%w: it is opened with the key of %v, and was sealed to %v", ErrDocument, public, to)
	}
	return err
}

// otherKey returns the first key other than the one that is shown to which a dealer says that it has sealed something for the
// receiver; false if there is none. Where nothing was sealed there is nothing to open.
func otherKey(session signer.SessionID, dealt [][]byte, receiver chain.Operator, shown signer.PublicKey) (signer.PublicKey, bool, error) {
	for _, signed := range dealt {
		bundle, err := ReadBundle(session, signed)
		if err != nil {
			return signer.PublicKey{}, false, err
		}
		if to := bundle.SealedTo[receiver]; bundle.isFor(receiver) && to != shown {
			return to, true, nil
		}
	}
	return signer.PublicKey{}, false, nil
}

// isFor reports whether something in a bundle is for one operator.
func (b Bundle) isFor(op chain.Operator) bool {
	return slices.ContainsFunc(b.Parcels, func(p signer.Parcel) bool { return p.To == op })
}

// Verdict is the outcome of a dispute.
type Verdict int

// The verdicts.
const (
	Undecided Verdict = iota
	DealerBroke
	ReceiverLied
)

// Judge looks at what was dealt. The error says why the verdict is what it is; it may be nil.
type Judge func(d Dispute) (Verdict, error)

// opened is what a complaint opens, as it was signed.
type opened struct {
	signer.Opened
	hashes []signer.Digest // of the dealer's messages, of each round from 1 on
}

// resolve returns the failure that names who of a pair has broken it; nil if that cannot be told, or not yet. Once it is late
// nothing more is awaited.
func (p *play) resolve(ctx context.Context, late bool) *failure {
	for _, by := range p.heard.operators {
		e, ok := p.heard.endingOf(by)
		if !ok || e.opened == nil || p.undecided[by] {
			continue
		}
		if f := p.settle(ctx, by, e, late); f != nil {
			return f
		}
	}
	return nil
}

// settle decides about one complaint. It never names who does what an honest one does: of what the receiver says only that
// counts which it says of the very messages that the dealer has signed, and the dealer answers only for what opens with a key
// to which, by its own word, it sealed.
func (p *play) settle(ctx context.Context, by chain.Operator, e ending, late bool) *failure {
	o := e.opened
	dealer := p.inv.Roster[o.Dealer-1]
	dealt, same := p.heard.dealtBy(dealer, o.hashes)
	if !same {
		if !late {
			return nil // the messages that are meant are shown, and another one of them is proof
		}
		return &failure{fmt.Sprintf("%v accuses %v of messages that it does not show", by, dealer), []chain.Operator{by}, [][]byte{e.signed}}
	}
	proof := append([][]byte{e.signed}, dealt...)
	public, sound := publicOf(o.Key)
	sealedTo, other, err := otherKey(p.row.Session, dealt, by, public)
	if err != nil || !sound {
		return &failure{fmt.Sprintf("%v opens nothing with the key that it shows", by), []chain.Operator{by}, proof}
	}
	if other {
		return p.wrongKey(by, dealer, sealedTo, public, proof, late)
	}
	if p.s.cfg.Judge == nil {
		return nil
	}
	verdict, why := p.s.cfg.Judge(Dispute{p.inv, o.Opened, dealt})
	switch verdict {
	case DealerBroke:
		return &failure{
			fmt.Sprintf("%v dealt seat %d of %v what it cannot use, as everybody can see who opens it: %v", dealer, o.Receiver, by, printable(fmt.Sprint(why))),
			[]chain.Operator{dealer},
			proof,
		}
	case ReceiverLied:
		return &failure{
			fmt.Sprintf("%v says that what seat %d of %v dealt it is bad, and it is right, as everybody can see who opens it", by, o.Dealer, dealer),
			[]chain.Operator{by},
			proof,
		}
	default:
		p.log.InfoContext(ctx, "It cannot be told who of a pair has broken the key generation", "dealer", dealer, "receiver", by, "why", why)
		p.undecided[by] = true
		return nil
	}
}

// wrongKey decides where the receiver shows another key than the one to which the dealer says that it has sealed.
func (p *play) wrongKey(by, dealer chain.Operator, sealedTo, shown signer.PublicKey, proof [][]byte, late bool) *failure {
	signed, accepted := p.heard.acceptanceOf(by)
	switch {
	case signed == nil:
		return nil
	case accepted.SealTo != shown:
		return &failure{fmt.Sprintf("%v opens nothing: it shows another key than it has accepted with", by), []chain.Operator{by}, append(proof, signed)}
	case late && sealedTo != accepted.SealTo:
		// Had the receiver accepted with that key, too, the dealer would have shown it meanwhile, and both would be proof.
		return &failure{fmt.Sprintf("%v sealed to a key with which %v has not accepted", dealer, by), []chain.Operator{dealer}, append(proof, signed)}
	default:
		return nil
	}
}

// publicOf returns the public half of an X25519 key.
func publicOf(private signer.Digest) (signer.PublicKey, bool) {
	key, err := ecdh.X25519().NewPrivateKey(private[:])
	if err != nil {
		return signer.PublicKey{}, false
	}
	return signer.PublicKey(key.PublicKey().Bytes()), true
}

// dealtBy returns an operator's messages of the first rounds; false if one is not known, or is not the one that is meant.
func (h *hearing) dealtBy(op chain.Operator, meant []signer.Digest) (signed [][]byte, same bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, hash := range meant {
		s, ok := h.bundles[op][i+1]
		if !ok || s.hash != hash {
			return nil, false
		}
		signed = append(signed, s.signed)
	}
	return signed, true
}

// hashesBy returns the hashes of an operator's messages of the first rounds; nil if one is not known.
func (h *hearing) hashesBy(op chain.Operator, rounds int) (hashes []signer.Digest, signed [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for round := 1; round <= rounds; round++ {
		s, ok := h.bundles[op][round]
		if !ok {
			return nil, nil
		}
		hashes, signed = append(hashes, s.hash), append(signed, s.signed)
	}
	return hashes, signed
}

// endingOf returns how an operator's part has ended; false if it has not.
func (h *hearing) endingOf(op chain.Operator) (ending, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e, ok := h.ended[op]
	return e, ok
}

// acceptanceOf returns an operator's acceptance; nil if none was heard.
func (h *hearing) acceptanceOf(op chain.Operator) ([]byte, Acceptance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.acceptances[op]
	a, err := ReadAcceptance(s.signed)
	if err != nil {
		return nil, Acceptance{}
	}
	return s.signed, a
}

// misfits returns the acceptances of those who open with another key than the one that we have of them.
func (h *hearing) misfits() map[chain.Operator][]byte {
	list := map[chain.Operator][]byte{}
	for _, op := range h.operators {
		e, ok := h.endingOf(op)
		if !ok || e.opened == nil {
			continue
		}
		signed, a := h.acceptanceOf(op)
		if public, _ := publicOf(e.opened.Key); signed != nil && a.SealTo != public {
			list[op] = slices.Clone(signed)
		}
	}
	return list
}
