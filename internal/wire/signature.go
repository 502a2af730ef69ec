package wire

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/ethereum/go-ethereum/crypto"
)

// VerifyDER checks an ECDSA signature over a digest, in DER and with either value of s, as libp2p does. Where C is linked in it takes
// a quarter of what it takes without. An error says that it is no signature at all.
func VerifyDER(key PublicKey, digest [32]byte, der []byte) (bool, error) {
	signature, err := ecdsa.ParseDERSignature(der)
	if err != nil {
		return false, err
	}
	r, s := signature.R(), signature.S()
	if s.IsOverHalfOrder() {
		s.Negate()
	}
	var compact [64]byte
	r.PutBytesUnchecked(compact[:32])
	s.PutBytesUnchecked(compact[32:])
	return crypto.VerifySignature(key[:], digest[:], compact[:]), nil
}
