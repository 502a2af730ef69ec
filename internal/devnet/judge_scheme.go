package devnet

import (
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// ownOutput is the script of an output that a wallet's key alone can spend, as Bitcoin has it: the judge takes no node's word for
// it. Of a FROST wallet it is P2TR with the key as the output key (BIP-341), of a CMP wallet P2WPKH (BIP-141).
func ownOutput(scheme signer.Scheme, key chain.PublicKey) []byte {
	if scheme == signer.CMP {
		hash := key.Hash()
		return append([]byte{txscript.OP_0, txscript.OP_DATA_20}, hash[:]...)
	}
	return append([]byte{txscript.OP_1, txscript.OP_DATA_32}, key[1:33]...)
}

var errNotTheWallets = errors.New("the signature is not the wallet's")

// beats says what is wrong with the signature of a heartbeat's message; docs/decisions has what is signed.
func beats(scheme signer.Scheme, key chain.PublicKey, message, signature []byte) error {
	if scheme == signer.CMP {
		return beatsECDSA(key, message, signature)
	}
	point, err := schnorr.ParsePubKey(key[1:33])
	if err != nil {
		return err
	}
	parsed, err := schnorr.ParseSignature(signature)
	if err != nil {
		return err
	}
	if digest := chainhash.TaggedHash([]byte("walletnode/heartbeat/1"), message); !parsed.Verify(digest[:], point) {
		return errNotTheWallets
	}
	return nil
}

// beatsECDSA is the same of the network's wallets of today, whose Bridge takes no s of the upper half.
func beatsECDSA(key chain.PublicKey, message, signature []byte) error {
	point, err := btcec.ParsePubKey(key[:])
	if err != nil {
		return err
	}
	var r, s btcec.ModNScalar
	if len(signature) != 64 || r.SetByteSlice(signature[:32]) || s.SetByteSlice(signature[32:]) || s.IsOverHalfOrder() {
		return errors.New("the signature is not r and s, of 32 bytes each, with s in the lower half")
	}
	if !ecdsa.NewSignature(&r, &s).Verify(chainhash.DoubleHashB(message), point) {
		return errNotTheWallets
	}
	return nil
}
