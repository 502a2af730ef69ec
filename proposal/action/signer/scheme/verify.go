package scheme

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// errSignature says that a signature is not one of the key for the digest.
var errSignature = errors.New("the signature does not verify")

// Verify checks a signature of 64 bytes with the code of another library than the one that makes them: for FROST the BIP-340
// of btcec/v2/schnorr, for CMP the ECDSA of btcec/v2/ecdsa, with s in the lower half. (The arithmetic of the curve below them is
// decred's, as it is below the threshold library.)
func Verify(scheme signer.Scheme, key chain.PublicKey, digest [32]byte, signature []byte) error {
	if len(signature) != 64 {
		return fmt.Errorf("a signature has 64 bytes, not %d", len(signature))
	}
	public, err := btcec.ParsePubKey(key[:])
	if err != nil {
		return fmt.Errorf("verify a signature: %w", err)
	}
	switch scheme {
	case signer.FROST:
		if key[64]&1 != 0 {
			return errors.New("verify a signature: a Taproot key's Y is even")
		}
		return verifySchnorr(key[1:33], digest[:], signature)
	case signer.CMP:
		var r, s btcec.ModNScalar
		if r.SetByteSlice(signature[:32]) || s.SetByteSlice(signature[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() ||
			!ecdsa.NewSignature(&r, &s).Verify(digest[:], public) {
			return errSignature
		}
		return nil
	default:
		return fmt.Errorf("there is no scheme %q", scheme)
	}
}

// verifySchnorr checks a BIP-340 signature of a key that is given by its X.
func verifySchnorr(x, message, signature []byte) error {
	key, err := schnorr.ParsePubKey(x)
	if err != nil {
		return fmt.Errorf("verify a signature: %w", err)
	}
	sig, err := schnorr.ParseSignature(signature)
	if err != nil || !sig.Verify(message, key) {
		return errSignature
	}
	return nil
}
