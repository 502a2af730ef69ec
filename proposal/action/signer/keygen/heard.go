package keygen

import (
	"maps"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// next returns a channel that the next message closes.
func (h *hearing) next() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// proven returns the proofs against those who have contradicted themselves, one of each.
func (h *hearing) proven() []proof {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Values(h.proofs))
}

// over returns who of the others has ended its part, in the order of the roster; false if nobody has.
func (h *hearing) over() (chain.Operator, ending, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		if e, ok := h.ended[op]; ok && op != h.self {
			return op, e, true
		}
	}
	return chain.Operator{}, ending{}, false
}

// accepted returns the acceptances so far, in the order of the roster, and who has not accepted.
func (h *hearing) accepted() (signed [][]byte, absent []chain.Operator) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		if s, ok := h.acceptances[op]; ok {
			signed = append(signed, s.signed)
		} else {
			absent = append(absent, op)
		}
	}
	return signed, absent
}

// acceptedHash is of the acceptances that were heard; false if one is missing.
func (h *hearing) acceptedHash() (signer.Digest, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := map[chain.Operator]signer.PublicKey{}
	for op, s := range h.acceptances {
		keys[op] = s.sealTo
	}
	return acceptedHash(h.inv.Session(), keys), len(keys) == len(h.operators)
}

// secondAcceptances returns the other one of those who have accepted twice.
func (h *hearing) secondAcceptances() (signed [][]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		if second := h.second[op]; second != nil {
			signed = append(signed, second)
		}
	}
	return signed
}

// toldOthers returns who says, in round 1, that it was told other acceptances than we were, in the order of the roster.
func (h *hearing) toldOthers() (list []chain.Operator) {
	own, complete := h.acceptedHash()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		if s, ok := h.bundles[op][1]; ok && complete && op != h.self && s.accepted != own {
			list = append(list, op)
		}
	}
	return list
}

// standing returns the invitation that expires last.
func (h *hearing) standing() ([]byte, Invitation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.latest.signed, h.latest.Invitation
}

// bundlesOf returns what the others said in a round, in the order of the roster, and who has said nothing.
func (h *hearing) bundlesOf(round int) (signed [][]byte, absent []chain.Operator) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		if op == h.self {
			continue
		}
		if s, ok := h.bundles[op][round]; ok {
			signed = append(signed, s.signed)
		} else {
			absent = append(absent, op)
		}
	}
	return signed, absent
}

// commitments returns the hashes of the round-1 messages by operator.
func (h *hearing) commitments() map[chain.Operator]statement {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := map[chain.Operator]statement{}
	for op, rounds := range h.bundles {
		if s, ok := rounds[1]; ok {
			first[op] = s
		}
	}
	return first
}

// differing returns the round-1 messages that others say they had another one of.
func (h *hearing) differing() map[chain.Operator]statement {
	own := h.commitments()
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(own, func(op chain.Operator, s statement) bool {
		for _, e := range h.ended {
			if theirs, ok := e.hashes[op]; ok && theirs != s.hash {
				return false
			}
		}
		return true
	})
	return own
}

// attestations returns those that agree with ours in the order of the roster, who attests something else, and who nothing.
func (h *hearing) attestations(own Attestation) (signed [][]byte, other, absent []chain.Operator) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, op := range h.operators {
		said := h.attested[op]
		i := slices.IndexFunc(said, func(a attested) bool { return a.Agrees(own) })
		switch {
		case i >= 0:
			signed = append(signed, said[i].signed)
		case len(said) > 0:
			other = append(other, op)
		default:
			absent = append(absent, op)
		}
	}
	return signed, other, absent
}

// callsHeard returns how often others have asked for attestations.
func (h *hearing) callsHeard() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// missedByOthers returns the attestations that others miss and we have, by operators.
func (h *hearing) missedByOthers() map[chain.Operator][][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	have := map[chain.Operator][][]byte{}
	for op := range h.missed {
		for _, a := range h.attested[op] {
			have[op] = append(have[op], a.signed)
		}
	}
	return have
}

// attestationsOf returns what an operator attested.
func (h *hearing) attestationsOf(op chain.Operator) [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	var signed [][]byte
	for _, a := range h.attested[op] {
		signed = append(signed, a.signed)
	}
	return signed
}

// release lets go of the bundles, which are most of what was heard, and takes no more of them.
func (h *hearing) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bundles, h.released = map[chain.Operator]map[int]statement{}, true
}
