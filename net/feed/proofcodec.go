package feed

func putPiece(b []byte, p Piece) []byte {
	b = putU64(putU16(putName(b, p.Mailbox), p.Shard), p.Index)
	b = append(p.Record.append(b), byte(len(p.Path)))
	for _, h := range p.Path {
		b = append(b, h[:]...)
	}
	return b
}

func (r *reader) piece() Piece {
	p := Piece{Mailbox: r.name(), Shard: r.u16(), Index: r.u64(), Record: r.record()}
	n := int(r.u8())
	if n > maxPath || p.Shard >= MaxShards {
		r.fail("a path of %d", n)
		return p
	}
	for range n {
		p.Path = append(p.Path, r.hash())
	}
	return p
}

// Encode writes the proof's one form.
func (p Proof) Encode() []byte {
	b := append([]byte(proofDomain), byte(p.Fault))
	b = putBytes(putActor(putU64(b, uint64(p.Seq)), p.Accused), p.Seal.Encode())
	if p.Fault == TwoSeals {
		return putBytes(b, p.Other.Encode())
	}
	b = putPiece(b, p.Has)
	if p.Fault == Lacks {
		b = putName(putBytes(b, p.Who.Encode()), p.Mailbox)
	}
	b = append(b, byte(len(p.Against)))
	for _, piece := range p.Against {
		b = putPiece(b, piece)
	}
	return b
}

// DecodeProof accepts what Encode writes. Errors are ErrMalformed. It verifies nothing.
func DecodeProof(data []byte) (Proof, error) {
	if len(data) > MaxProof {
		return Proof{}, malformed("a proof of %d bytes where at most %d belong", len(data), MaxProof)
	}
	r := reader{rest: data}
	r.header(proofDomain)
	p := Proof{Fault: Fault(r.u8()), Seq: Seq(r.u64()), Accused: r.actor()}
	if p.Fault == 0 || p.Fault >= faultEnd {
		r.fail("there is no %v", p.Fault)
	}
	p.Seal = r.seal()
	if p.Fault == TwoSeals {
		other := r.seal()
		p.Other = &other
		return p, r.end("proof")
	}
	p.Has = r.piece()
	if p.Fault == Lacks {
		who, err := DecodeSubscriptions(r.bytes(maxSubscriptions))
		if r.err == nil {
			r.err = err
		}
		p.Who, p.Mailbox = who, r.name()
	}
	n := int(r.u8())
	if n > 2 || p.Fault == Differs && n != 1 {
		r.fail("%d records against it", n)
	}
	for i := 0; i < n && r.err == nil; i++ {
		p.Against = append(p.Against, r.piece())
	}
	return p, r.end("proof")
}

func (r *reader) seal() Seal {
	s, err := DecodeSeal(r.bytes(MaxSeal))
	if r.err == nil {
		r.err = err
	}
	return s
}
