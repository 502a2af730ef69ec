package scheme

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cronokirby/saferith"
	"github.com/taurusgroup/multi-party-sig/pkg/math/arith"
	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/paillier"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/pedersen"
	"github.com/taurusgroup/multi-party-sig/protocols/cmp"
	"github.com/taurusgroup/multi-party-sig/protocols/cmp/config"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

const primeBytes = modulusBytes / 2

// cmpShareData is what a share of CMP has beside the share of the key: the seat's own Paillier and ElGamal secrets, and the
// other seats' public parameters, in seat order.
type cmpShareData struct {
	elGamal       [32]byte
	p, q          [primeBytes]byte
	rid, chainKey [32]byte
	peers         []cmpPeer
}

type cmpPeer struct {
	elGamal [33]byte
	n, s, t [modulusBytes]byte
}

// cmpShare makes a share of what the library has generated.
func cmpShare(result any, self chain.Seat, seats []chain.Seat, threshold int) (Share, error) {
	c, ok := result.(*cmp.Config)
	if !ok {
		return Share{}, errors.New("the library returned something else")
	}
	s := Share{scheme: signer.CMP, seat: self, threshold: threshold, seats: seats, cmp: &cmpShareData{}}
	d := s.cmp
	for _, part := range []struct {
		from interface{ MarshalBinary() ([]byte, error) }
		to   []byte
	}{{c.ECDSA, s.secret[:]}, {c.ElGamal, d.elGamal[:]}} {
		if err := fill(part.to, part.from); err != nil {
			return Share{}, err
		}
	}
	c.Paillier.P().FillBytes(d.p[:])
	c.Paillier.Q().FillBytes(d.q[:])
	if copy(d.rid[:], c.RID) != len(d.rid) || copy(d.chainKey[:], c.ChainKey) != len(d.chainKey) {
		return Share{}, errors.New("the session's common random bytes are too few")
	}
	for _, seat := range seats {
		public := c.Public[idOf(seat)]
		var v [33]byte
		var peer cmpPeer
		if err := errors.Join(fill(v[:], public.ECDSA), fill(peer.elGamal[:], public.ElGamal)); err != nil {
			return Share{}, err
		}
		public.Pedersen.N().Nat().FillBytes(peer.n[:])
		public.Pedersen.S().FillBytes(peer.s[:])
		public.Pedersen.T().FillBytes(peer.t[:])
		s.verification, d.peers = append(s.verification, v), append(d.peers, peer)
	}
	compressed, err := interpolate(seats[:threshold], s.verification)
	if err != nil {
		return Share{}, fmt.Errorf("key: %w", err)
	}
	if s.key, err = uncompress(compressed); err != nil {
		return Share{}, fmt.Errorf("key: %w", err)
	}
	return s, s.Check()
}

func fill(to []byte, from interface{ MarshalBinary() ([]byte, error) }) error {
	b, err := from.MarshalBinary()
	if err == nil && copy(to, b) != len(b) {
		err = errors.New("the library's encoding has another length")
	}
	return err
}

// checkCMP checks what CMP adds to a share.
func (s Share) checkCMP() error {
	d := s.cmp
	elGamal, err := parseScalar(d.elGamal)
	if err != nil {
		return fmt.Errorf("secret ElGamal key: %w", err)
	}
	p, q := new(saferith.Nat).SetBytes(d.p[:]), new(saferith.Nat).SetBytes(d.q[:])
	if err := errors.Join(paillier.ValidatePrime(p), paillier.ValidatePrime(q)); err != nil {
		return fmt.Errorf("secret Paillier key: %w", err)
	}
	if p.Eq(q) == 1 {
		return errors.New("secret Paillier key: its primes are equal")
	}
	for i, peer := range d.peers {
		if err := peer.check(); err != nil {
			return fmt.Errorf("parameters of seat %d: %w", s.seats[i], err)
		}
	}
	own := d.peers[slices.Index(s.seats, s.seat)]
	if public, err := publicOf(elGamal); err != nil || public != own.elGamal {
		return errors.New("the secret ElGamal key is not the one of the seat's public one")
	}
	var n [modulusBytes]byte
	new(saferith.Nat).Mul(p, q, 8*modulusBytes).FillBytes(n[:])
	if n != own.n {
		return errors.New("the secret Paillier key is not the one of the seat's public one")
	}
	return nil
}

func (p cmpPeer) check() error {
	if _, err := parsePoint(p.elGamal); err != nil {
		return fmt.Errorf("ElGamal key: %w", err)
	}
	if p.n[0]&0x80 == 0 || p.n[modulusBytes-1]&1 == 0 { // the library panics over some of those
		return errors.New("the Paillier modulus is too short, or even")
	}
	n := saferith.ModulusFromBytes(p.n[:])
	return pedersen.ValidateParameters(n, new(saferith.Nat).SetBytes(p.s[:]), new(saferith.Nat).SetBytes(p.t[:]))
}

// cmpConfig returns the share in the library's form, made anew for each signature.
func (s Share) cmpConfig() (*cmp.Config, error) {
	d := s.cmp
	group := curve.Secp256k1{}
	c := &cmp.Config{
		Group: group, ID: idOf(s.seat), Threshold: s.threshold - 1,
		ECDSA: group.NewScalar(), ElGamal: group.NewScalar(),
		RID: slices.Clone(d.rid[:]), ChainKey: slices.Clone(d.chainKey[:]),
		Public: make(map[party.ID]*config.Public, len(s.seats)),
	}
	c.Paillier = paillier.NewSecretKeyFromPrimes(new(saferith.Nat).SetBytes(d.p[:]), new(saferith.Nat).SetBytes(d.q[:]))
	if err := errors.Join(c.ECDSA.UnmarshalBinary(s.secret[:]), c.ElGamal.UnmarshalBinary(d.elGamal[:])); err != nil {
		return nil, err
	}
	for i, seat := range s.seats {
		peer := d.peers[i]
		public := &config.Public{ECDSA: group.NewPoint(), ElGamal: group.NewPoint()}
		err := errors.Join(public.ECDSA.UnmarshalBinary(s.verification[i][:]), public.ElGamal.UnmarshalBinary(peer.elGamal[:]))
		if err != nil {
			return nil, fmt.Errorf("parameters of seat %d: %w", seat, err)
		}
		n := saferith.ModulusFromBytes(peer.n[:])
		public.Paillier = paillier.NewPublicKey(n)
		modulus := arith.ModulusFromN(n)
		if seat == s.seat { // its factors make the seat's own computations faster
			public.Paillier, modulus = c.Paillier.PublicKey, c.Paillier.Modulus()
		}
		public.Pedersen = pedersen.New(modulus, new(saferith.Nat).SetBytes(peer.s[:]), new(saferith.Nat).SetBytes(peer.t[:]))
		c.Public[idOf(seat)] = public
	}
	return c, nil
}
