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
	b = putActor(putU64(b, uint64(p.Seq)), p.Accused)
	switch p.Fault {
	case TwoItems:
		return putSigned(putSigned(b, p.Items[0]), p.Items[1])
	case Omits:
		return putOmits(b, p)
	default:
	}
	b = putBytes(b, p.Seal.Encode())
	if p.Fault == TwoSeals {
		return putBytes(b, p.Other.Encode())
	}
	b = putPiece(b, p.Has)
	if p.Fault == Alters {
		return putSigned(b, p.Items[0])
	}
	if p.Fault == Lacks {
		b = putName(putBytes(b, p.Who.Encode()), p.Mailbox)
	}
	b = append(b, byte(len(p.Against)))
	for _, piece := range p.Against {
		b = putPiece(b, piece)
	}
	return b
}

func putOmits(b []byte, p Proof) []byte {
	b = putSigned(putName(b, p.Mailbox), p.Items[0])
	b = putPiece(putPiece(b, p.Against[0]), p.Against[1])
	b = append(b, byte(len(p.Epochs)))
	for _, s := range p.Epochs {
		b = putU32(putBytes(putBytes(b, s.Seal.Encode()), s.Who.Encode()), uint32(len(s.Lane)))
		for _, rec := range s.Lane {
			b = rec.append(b)
		}
	}
	return b
}

// DecodeProof accepts what Encode writes. Errors are ErrMalformed. It verifies nothing.
func DecodeProof(data []byte) (Proof, error) {
	if len(data) > maxProof {
		return Proof{}, malformed("a proof of %d bytes where at most %d belong", len(data), maxProof)
	}
	r := reader{rest: data}
	r.header(proofDomain)
	p := Proof{Fault: Fault(r.u8()), Seq: Seq(r.u64()), Accused: r.actor()}
	switch p.Fault {
	case TwoItems:
		p.Items = []Signed{r.signed(), r.signed()}
	case Omits:
		r.omits(&p)
	case TwoSeals:
		p.Seal = r.seal()
		other := r.seal()
		p.Other = &other
	case Lacks, Differs, Alters, Disorders, Reorders:
		r.pieces(&p)
	default:
		r.fail("there is no %v", p.Fault)
	}
	return p, r.end("proof")
}

// pieces reads what is shown of one epoch.
func (r *reader) pieces(p *Proof) {
	p.Seal, p.Has = r.seal(), r.piece()
	if p.Fault == Alters {
		p.Items = []Signed{r.signed()}
		return
	}
	if p.Fault == Lacks {
		p.Who, p.Mailbox = r.subscriptions(), r.name()
	}
	n := int(r.u8())
	if n > 2 || p.Fault != Lacks && n != 1 {
		r.fail("%d records against it", n)
	}
	for i := 0; i < n && r.err == nil; i++ {
		p.Against = append(p.Against, r.piece())
	}
}

func (r *reader) omits(p *Proof) {
	p.Mailbox, p.Items = r.name(), []Signed{r.signed()}
	p.Against = []Piece{r.piece(), r.piece()}
	n := int(r.u8())
	if n < 1 || n > 2 {
		r.fail("%d epochs", n)
	}
	for i := 0; i < n && r.err == nil; i++ {
		s := Stretch{Seal: r.seal(), Who: r.subscriptions()}
		for range r.count(maxLane, recordSize) {
			if s.Lane = append(s.Lane, r.record()); r.err != nil {
				break
			}
		}
		p.Epochs = append(p.Epochs, s)
	}
}

func (r *reader) subscriptions() *Subscriptions {
	s, err := DecodeSubscriptions(r.bytes(maxSubscriptions))
	if r.err == nil {
		r.err = err
	}
	return s
}

func (r *reader) seal() Seal {
	s, err := DecodeSeal(r.bytes(MaxSeal))
	if r.err == nil {
		r.err = err
	}
	return s
}
