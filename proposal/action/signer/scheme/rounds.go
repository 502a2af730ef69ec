package scheme

// exchange is what each seat sends in one round of a protocol.
type exchange struct {
	broadcast shape // to everybody
	direct    shape // to each other seat; nil if there is none
}

// A protocol is a row of exchanges; the first is the library's round 2.
type protocolRounds []exchange

// frostKeygen is the key generation of FROST for a polynomial with t coefficients.
func frostKeygen(t int) protocolRounds {
	return protocolRounds{
		{broadcast: record(
			field{"Phi_i", commitments(t)},
			field{"Sigma_i", record(
				field{"C", record(field{"C", point})},
				field{"Z", record(field{"Z", scalar})},
			)},
			field{"Commitment", octets(64)},
		)},
		{
			broadcast: record(field{"C_l", octets(32)}, field{"Decommitment", octets(32)}),
			direct:    record(field{"F_li", scalar}),
		},
	}
}

// frostSigning is a signature of FROST.
func frostSigning() protocolRounds {
	return protocolRounds{
		{broadcast: record(field{"D_i", point}, field{"E_i", point})},
		{broadcast: record(field{"Z_i", scalar})},
	}
}

// Sizes of CMP's numbers in bytes: a Paillier modulus, and a ciphertext modulo its square.
const (
	modulusBytes    = 256
	ciphertextBytes = 512
	proofRounds     = 80 // of the proofs about a modulus
)

var (
	modular    = octets(modulusBytes)
	ciphertext = octets(ciphertextBytes)
	bigModular = bignum(modulusBytes)
)

// integer is a signed number: a byte for the sign, and up to n bytes. The library takes the length of the ranges that the
// number is drawn from, and two bytes leave room for its carries.
func integer(n int) shape { return octetsWithin(1, 1+n+2) }

// Lengths in bytes of the ranges that CMP draws its proofs' numbers from.
const (
	rangeL      = 97  // l+e bits, and a carry
	rangeLPrime = 225 // l'+e bits, and a carry; also those of half a modulus
	rangeLN     = 353 // l+e bits more than a modulus
	rangeSigma  = 544 // l bits more than two moduli
	rangeV      = 609 // l+e bits more than two moduli
)

// logProof shows that a ciphertext's plaintext is a point's logarithm.
var logProof = record(
	field{"S", modular}, field{"A", ciphertext}, field{"Y", point}, field{"D", modular},
	field{"Z1", integer(rangeL)}, field{"Z2", modular}, field{"Z3", integer(rangeLN)},
)

// affineProof shows that a ciphertext is an affine function of another.
var affineProof = record(
	field{"A", ciphertext}, field{"Bx", point}, field{"By", ciphertext},
	field{"E", modular}, field{"S", modular}, field{"F", modular}, field{"T", modular},
	field{"Z1", integer(rangeL)}, field{"Z2", integer(rangeLPrime)},
	field{"Z3", integer(rangeLN)}, field{"Z4", integer(rangeLN)},
	field{"W", modular}, field{"Wy", modular},
)

// cmpKeygen is the key generation of CMP for a polynomial with t coefficients.
func cmpKeygen(t int) protocolRounds {
	return protocolRounds{
		{broadcast: record(field{"Commitment", octets(64)})},
		{broadcast: record(
			field{"RID", octets(32)}, field{"C", octets(32)},
			field{"VSSPolynomial", commitments(t)},
			field{"SchnorrCommitments", record(field{"C", point})},
			field{"ElGamalPublic", point},
			field{"N", modular}, field{"S", modular}, field{"T", modular},
			field{"Decommitment", octets(32)},
		)},
		{
			broadcast: record(
				field{"Mod", record(
					field{"W", bigModular},
					field{"Responses", list(proofRounds, record(
						field{"A", flag}, field{"B", flag}, field{"X", bigModular}, field{"Z", bigModular},
					))},
				)},
				field{"Prm", record(field{"As", list(proofRounds, bigModular)}, field{"Zs", list(proofRounds, bigModular)})},
			),
			direct: record(
				field{"Share", ciphertext},
				field{"Fac", record(
					field{"Comm", record(
						field{"P", modular}, field{"Q", modular}, field{"A", modular}, field{"B", modular}, field{"T", modular},
					)},
					field{"Sigma", integer(rangeSigma)},
					field{"Z1", integer(rangeLPrime)}, field{"Z2", integer(rangeLPrime)},
					field{"W1", integer(rangeLN)}, field{"W2", integer(rangeLN)},
					field{"V", integer(rangeV)},
				)},
			),
		},
		{broadcast: record(field{"SchnorrResponse", record(field{"Z", scalar})})},
	}
}

// cmpSigning is a signature of CMP.
func cmpSigning() protocolRounds {
	return protocolRounds{
		{
			broadcast: record(field{"K", ciphertext}, field{"G", ciphertext}),
			direct: record(field{"ProofEnc", record(
				field{"S", modular}, field{"A", ciphertext}, field{"C", modular},
				field{"Z1", integer(rangeL)}, field{"Z2", modular}, field{"Z3", integer(rangeLN)},
			)}),
		},
		{
			broadcast: record(field{"BigGammaShare", point}),
			direct: record(
				field{"DeltaD", ciphertext}, field{"DeltaF", ciphertext}, field{"DeltaProof", affineProof},
				field{"ChiD", ciphertext}, field{"ChiF", ciphertext}, field{"ChiProof", affineProof},
				field{"ProofLog", logProof},
			),
		},
		{
			broadcast: record(field{"DeltaShare", scalar}, field{"BigDeltaShare", point}),
			direct:    record(field{"ProofLog", logProof}),
		},
		{broadcast: record(field{"SigmaShare", scalar})},
	}
}
