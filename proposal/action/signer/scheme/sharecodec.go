package scheme

import (
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// The encoding of a share: a version, the number of the scheme, the seat, the threshold, the number of seats and the seats, in
// one byte each; the key, uncompressed; the secret; the verification shares in seat order. CMP goes on with the ElGamal secret,
// the two primes, the session's two common random values, and for each seat its ElGamal key, modulus, S and T.
//
// It is ours because the library's own loses seats above 127, which are no text.
const shareVersion = 1

var schemeNumbers = map[signer.Scheme]byte{signer.FROST: 1, signer.CMP: 2}

// MarshalBinary returns the share with its secret.
func (s Share) MarshalBinary() ([]byte, error) {
	if s.seat == 0 {
		return nil, errors.New("marshal a share: there is none")
	}
	b := []byte{shareVersion, schemeNumbers[s.scheme], byte(s.seat), byte(s.threshold), byte(len(s.seats))}
	for _, seat := range s.seats {
		b = append(b, byte(seat))
	}
	b = slices.Concat(b, s.key[:], s.secret[:])
	for _, v := range s.verification {
		b = append(b, v[:]...)
	}
	if d := s.cmp; d != nil {
		b = slices.Concat(b, d.elGamal[:], d.p[:], d.q[:], d.rid[:], d.chainKey[:])
		for _, p := range d.peers {
			b = slices.Concat(b, p.elGamal[:], p.n[:], p.s[:], p.t[:])
		}
	}
	return b, nil
}

// ParseShare reads a share of a scheme, exactly as it was marshalled. It trusts who kept it: whether the key and the other seats'
// verification shares are right, Check finds out.
func ParseShare(scheme signer.Scheme, data []byte) (Share, error) {
	s, err := parseShare(scheme, data)
	if err != nil {
		return Share{}, fmt.Errorf("%s share: %w", scheme, err)
	}
	return s, nil
}

func parseShare(scheme signer.Scheme, data []byte) (Share, error) {
	number, known := schemeNumbers[scheme]
	switch {
	case !known:
		return Share{}, errors.New("there is no such scheme")
	case len(data) < 5 || data[0] != shareVersion:
		return Share{}, errors.New("it is of no version that is known here")
	case data[1] != number:
		return Share{}, errors.New("it is of another scheme")
	}
	n := int(data[4])
	s := Share{scheme: scheme, seat: chain.Seat(data[2]), threshold: int(data[3])}
	size := 5 + n + len(s.key) + len(s.secret) + n*33
	if scheme == signer.CMP {
		size += 3*32 + 2*primeBytes + n*(33+3*modulusBytes)
	}
	if len(data) != size {
		return Share{}, fmt.Errorf("it has %d bytes, and %d seats take %d", len(data), n, size)
	}

	rest := data[5:]
	next := func(to []byte) { rest = rest[copy(to, rest):] }
	for range n {
		s.seats, rest = append(s.seats, chain.Seat(rest[0])), rest[1:]
	}
	next(s.key[:])
	next(s.secret[:])
	s.verification = make([][33]byte, n)
	for i := range s.verification {
		next(s.verification[i][:])
	}
	if err := s.form(); err != nil || scheme != signer.CMP {
		return s, err
	}
	d := &cmpShareData{peers: make([]cmpPeer, n)}
	for _, to := range [][]byte{d.elGamal[:], d.p[:], d.q[:], d.rid[:], d.chainKey[:]} {
		next(to)
	}
	for i := range d.peers {
		p := &d.peers[i]
		for _, to := range [][]byte{p.elGamal[:], p.n[:], p.s[:], p.t[:]} {
			next(to)
		}
	}
	s.cmp = d
	return s, s.checkCMP()
}
