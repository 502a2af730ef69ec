package scheme

import (
	"crypto/sha256"
	"errors"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
)

// tweak turns shares of an internal key into shares of the Taproot output key that commits to no script (BIP-341): Q = P + tG,
// where P is the internal key with an even Y and t the hash of its X. A key that were used without it could hide a script
// path which only the last dealer of the key generation knows.
//
// A signature is one of the key with an even Y, so that all shares are negated when Q's is odd. That P's Y is even is for the
// caller to see to, in the same way.
type tweak struct {
	internal [33]byte // 02 || X
	add      secp256k1.ModNScalar
	negate   bool
	output   [33]byte // 02 || X
}

// newTweak works out the tweak of an internal key, given by its X.
func newTweak(x []byte) (tweak, error) {
	if len(x) != 32 {
		return tweak{}, errors.New("an internal key has 32 bytes")
	}
	t := tweak{internal: [33]byte(append([]byte{2}, x...))}
	p, err := parsePoint(t.internal)
	if err != nil {
		return tweak{}, err
	}
	hash := taggedHash("TapTweak", x)
	if t.add.SetBytes(&hash) != 0 {
		return tweak{}, errors.New("the tweak is not below the curve's order")
	}
	q := addBase(p, t.add)
	t.output, err = compress(q)
	if err != nil {
		return tweak{}, err
	}
	t.negate, t.output[0] = t.output[0] == 3, 2
	return t, nil
}

// secret returns a secret share of the output key. Adding a constant to each share of a polynomial adds it to the polynomial.
func (t tweak) secret(s secp256k1.ModNScalar) secp256k1.ModNScalar {
	s.Add(&t.add)
	if t.negate {
		s.Negate()
	}
	return s
}

// public returns a verification share of the output key.
func (t tweak) public(share [33]byte) ([33]byte, error) {
	p, err := parsePoint(share)
	if err != nil {
		return [33]byte{}, err
	}
	out, err := compress(addBase(p, t.add))
	if t.negate {
		out[0] ^= 1
	}
	return out, err
}

// addBase returns p + sG.
func addBase(p secp256k1.JacobianPoint, s secp256k1.ModNScalar) secp256k1.JacobianPoint {
	var sG, sum secp256k1.JacobianPoint
	secp256k1.ScalarBaseMultNonConst(&s, &sG)
	secp256k1.AddNonConst(&p, &sG, &sum)
	return sum
}

// taggedHash is BIP-340's: SHA256(SHA256(tag) || SHA256(tag) || data).
func taggedHash(tag string, data []byte) [32]byte {
	name := sha256.Sum256([]byte(tag))
	h := sha256.New()
	h.Write(name[:])
	h.Write(name[:])
	h.Write(data)
	return [32]byte(h.Sum(nil))
}
