package scheme

import (
	"errors"
	"fmt"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"github.com/walletnode/walletnode/chain"
)

// parsePoint reads a compressed point; the identity has no such form.
func parsePoint(b [33]byte) (secp256k1.JacobianPoint, error) {
	key, err := secp256k1.ParsePubKey(b[:])
	if err != nil {
		return secp256k1.JacobianPoint{}, err
	}
	var p secp256k1.JacobianPoint
	key.AsJacobian(&p)
	return p, nil
}

// compress returns a point's compressed form.
func compress(p secp256k1.JacobianPoint) ([33]byte, error) {
	if isIdentity(&p) {
		return [33]byte{}, errors.New("the point is the identity")
	}
	p.ToAffine()
	return [33]byte(secp256k1.NewPublicKey(&p.X, &p.Y).SerializeCompressed()), nil
}

// uncompress returns the key whose compressed form is given.
func uncompress(b [33]byte) (chain.PublicKey, error) {
	key, err := secp256k1.ParsePubKey(b[:])
	if err != nil {
		return chain.PublicKey{}, err
	}
	return chain.PublicKey(key.SerializeUncompressed()), nil
}

func isIdentity(p *secp256k1.JacobianPoint) bool {
	return p.Z.IsZero() || (p.X.IsZero() && p.Y.IsZero())
}

// parseScalar reads a number that is neither zero nor too great.
func parseScalar(b [32]byte) (secp256k1.ModNScalar, error) {
	var s secp256k1.ModNScalar
	if s.SetBytes(&b) != 0 || s.IsZero() {
		return s, errors.New("the number is zero, or not below the curve's order")
	}
	return s, nil
}

// publicOf returns the point of a secret.
func publicOf(secret secp256k1.ModNScalar) ([33]byte, error) {
	var p secp256k1.JacobianPoint
	secp256k1.ScalarBaseMultNonConst(&secret, &p)
	return compress(p)
}

// interpolate returns the value at 0 of the polynomial that has these values at these seats: as many as it has coefficients.
func interpolate(seats []chain.Seat, values [][33]byte) ([33]byte, error) {
	var sum secp256k1.JacobianPoint
	for i, seat := range seats {
		p, err := parsePoint(values[i])
		if err != nil {
			return [33]byte{}, fmt.Errorf("seat %d: %w", seat, err)
		}
		var weighed, next secp256k1.JacobianPoint
		weight := lagrange(seats, seat)
		secp256k1.ScalarMultNonConst(&weight, &p, &weighed)
		secp256k1.AddNonConst(&sum, &weighed, &next)
		sum = next
	}
	return compress(sum)
}

// lagrange is the weight of a seat's value when a polynomial is evaluated at 0: the product of x / (x - seat) over all others.
func lagrange(seats []chain.Seat, seat chain.Seat) secp256k1.ModNScalar {
	var above, below, self secp256k1.ModNScalar
	above.SetInt(1)
	below.SetInt(1)
	self.SetInt(uint32(seat)).Negate()
	for _, other := range seats {
		if other == seat {
			continue
		}
		var x secp256k1.ModNScalar
		x.SetInt(uint32(other))
		above.Mul(&x)
		below.Mul(x.Add(&self))
	}
	below.InverseNonConst()
	above.Mul(&below)
	return above
}
