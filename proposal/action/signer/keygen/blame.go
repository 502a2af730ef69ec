package keygen

import (
	"context"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// maxProof is how many bytes of messages are kept as proof: what names the operators that come last in the roster is left out.
const maxProof = 32 << 20

// opened is what a complaint opens, as it was signed.
type opened struct {
	signer.Opened
	public signer.PublicKey // of the key that is shown; zero if that is none
	hashes []signer.Digest  // of the dealer's messages, of each round from 1 on
}

// pair is who complains, and of whom.
type pair struct{ receiver, dealer chain.Operator }

// finding is how an operator has broken a key generation, and the messages that show it.
type finding struct {
	why   string
	proof [][]byte
}

// proven returns the failure that names all who have broken it, as far as that can be told by now; nil if nobody has. Once it is
// late nothing more is awaited.
func (p *play) proven(ctx context.Context, late bool) *failure {
	p.contradictions()
	for _, by := range p.heard.operators {
		e, ok := p.heard.endingOf(by)
		if !ok {
			continue
		}
		for _, o := range e.opened {
			if _, known := p.findings[by]; known && !p.examines {
				break // what else it says would take as long again, each time, and helps nobody
			}
			if of := (pair{by, p.inv.Roster[o.Dealer-1]}); !p.settled[of] {
				p.settle(ctx, of, o, e.signed, late)
			}
		}
	}
	return p.found()
}

// contradictions takes in who has contradicted itself.
func (p *play) contradictions() {
	for _, c := range p.heard.proven() {
		p.find(c.by, fmt.Sprintf("%v %s", c.by, c.what), c.signed)
	}
}

// find keeps the first thing that is found of an operator: it is enough, and proves itself.
func (p *play) find(culprit chain.Operator, why string, proof [][]byte) {
	if _, known := p.findings[culprit]; !known {
		p.findings[culprit] = finding{why, proof}
	}
}

// found puts together all that was found; nil if it is nothing.
func (p *play) found() *failure {
	f := &failure{}
	kept, size := map[signer.Digest]bool{}, 0
	for _, op := range p.heard.operators {
		one, ok := p.findings[op]
		if !ok {
			continue
		}
		more, bytes := [][]byte(nil), 0
		for _, signed := range one.proof { // one complaint may be about several
			if !kept[BundleHash(signed)] {
				more, bytes = append(more, signed), bytes+len(signed)
			}
		}
		if size+bytes > maxProof {
			break
		}
		size += bytes
		for _, signed := range more {
			kept[BundleHash(signed)] = true
		}
		if f.why != "" {
			f.why += "; "
		}
		f.why += one.why
		f.culprits, f.proof = append(f.culprits, op), append(f.proof, more...)
	}
	if len(f.culprits) == 0 {
		return nil
	}
	return f
}

// settle decides about one complaint. It never names who does what an honest one does: of what the receiver says only that
// counts which it says of the very messages that the dealer has signed, and the dealer answers only for what opens with a key
// to which, by its own word, it sealed.
func (p *play) settle(ctx context.Context, of pair, o *opened, complaint []byte, late bool) {
	by, dealer := of.receiver, of.dealer
	dealt, same := p.heard.dealtBy(dealer, o.hashes)
	if !same {
		if late { // the messages that are meant were shown before, and another one of them is proof
			p.find(by, fmt.Sprintf("%v accuses %v of messages that it does not show", by, dealer), [][]byte{complaint})
		}
		return
	}
	proof := append([][]byte{complaint}, dealt...)
	sealedTo, other, err := otherKey(p.row.Session, dealt, by, o.public)
	if err != nil || o.public == (signer.PublicKey{}) {
		p.find(by, fmt.Sprintf("%v opens nothing with the key that it shows", by), proof)
		return
	}
	if other {
		p.wrongKey(of, sealedTo, o.public, proof)
		return
	}
	if p.s.cfg.Judge == nil {
		return
	}
	p.settled[of] = true
	verdict, why := p.s.cfg.Judge(Dispute{p.inv, o.Opened, dealt})
	switch verdict {
	case DealerBroke:
		p.find(dealer, fmt.Sprintf("%v dealt seat %d of %v what it cannot use, as everybody can see who opens it: %v", dealer, o.Receiver, by, printable(fmt.Sprint(why))), proof)
	case ReceiverLied:
		p.find(by, fmt.Sprintf("%v says that what seat %d of %v dealt it is bad, and it is right, as everybody can see who opens it", by, o.Dealer, dealer), proof)
	default:
		p.log.InfoContext(ctx, "It cannot be told who of a pair has broken the key generation", "dealer", dealer, "receiver", by, "why", why)
	}
}

// wrongKey decides where the receiver shows another key than the one to which the dealer says that it has sealed. An honest dealer
// deals only where all say that they were told the same acceptances, so it seals to the keys that it has told with its own words.
func (p *play) wrongKey(of pair, sealedTo, shown signer.PublicKey, proof [][]byte) {
	by, dealer := of.receiver, of.dealer
	_, p.settled[of] = p.heard.acceptedHash() // once all acceptances are there nothing more can come
	signed, accepted := p.heard.acceptanceOf(by)
	switch {
	case signed == nil:
	case accepted != shown:
		p.find(by, fmt.Sprintf("%v opens nothing: it shows another key than it has accepted with", by), append(proof, signed))
	case sealedTo != accepted && p.heard.toldTheSame(dealer):
		all, _ := p.heard.accepted()
		p.find(dealer, fmt.Sprintf("%v sealed to a key with which %v has not accepted", dealer, by), append(proof, all...))
	}
}

// toldTheSame reports whether an operator has said that it was told the acceptances that we were.
func (h *hearing) toldTheSame(op chain.Operator) bool {
	own, complete := h.acceptedHash()
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.bundles[op][1]
	return complete && ok && s.accepted == own
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

// acceptanceOf returns an operator's acceptance, and the key in it; nil if none was heard.
func (h *hearing) acceptanceOf(op chain.Operator) ([]byte, signer.PublicKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.acceptances[op].signed, h.acceptances[op].sealTo
}

// misfits returns the acceptances of those who open with another key than the one that we have of them.
func (h *hearing) misfits() map[chain.Operator][]byte {
	list := map[chain.Operator][]byte{}
	for _, op := range h.operators {
		e, ok := h.endingOf(op)
		if !ok {
			continue
		}
		signed, sealTo := h.acceptanceOf(op)
		if signed != nil && slices.ContainsFunc(e.opened, func(o *opened) bool { return sealTo != o.public }) {
			list[op] = slices.Clone(signed)
		}
	}
	return list
}
