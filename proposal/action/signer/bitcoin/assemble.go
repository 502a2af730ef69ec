package bitcoin

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
	"github.com/btcsuite/btcd/btcec/v2/schnorr"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// errSignature says that a signature is not the wallet's of what it should be of.
var errSignature = errors.New("the signature is not valid")

// Verify checks a signature of 64 bytes: BIP-340 for FROST; for CMP ECDSA, r || s with s in the lower half. The library that
// verifies is not the one that signs.
func Verify(w Wallet, what signer.Signable, signature []byte) error {
	key, err := w.publicKey()
	if err != nil {
		return err
	}
	if w.Scheme == signer.FROST {
		parsed, err := schnorr.ParseSignature(signature)
		if err != nil || !parsed.Verify(what[:], key) {
			return errSignature
		}
		return nil
	}
	parsed, err := ecdsaSignature(signature)
	if err != nil {
		return err
	}
	if !parsed.Verify(what[:], key) {
		return errSignature
	}
	return nil
}

func ecdsaSignature(signature []byte) (*ecdsa.Signature, error) {
	if len(signature) != 64 {
		return nil, fmt.Errorf("%w: it has %d bytes, not 64", errSignature, len(signature))
	}
	var r, s btcec.ModNScalar
	if r.SetByteSlice(signature[:32]) || s.SetByteSlice(signature[32:]) || r.IsZero() || s.IsZero() || s.IsOverHalfOrder() {
		return nil, fmt.Errorf("%w: r or s is out of range", errSignature)
	}
	return ecdsa.NewSignature(&r, &s), nil
}

// Assemble puts the signatures, one for each input, into the transaction, and checks what comes of it as a Bitcoin node would.
func Assemble(w Wallet, tx *signer.Transaction, signatures [][]byte) (*wire.MsgTx, error) {
	parsed, err := ParseUnsigned(tx.Raw)
	if err != nil {
		return nil, err
	}
	if len(signatures) != len(parsed.TxIn) {
		return nil, fmt.Errorf("%d signatures for %d inputs", len(signatures), len(parsed.TxIn))
	}
	for i, in := range parsed.TxIn {
		if in.Witness, err = w.witness(signatures[i]); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	if err := Check(parsed, tx.Prevouts); err != nil {
		return nil, err
	}
	return parsed, nil
}

// witness returns what unlocks an output of the wallet.
func (w Wallet) witness(signature []byte) (wire.TxWitness, error) {
	if w.Scheme == signer.FROST {
		if len(signature) != schnorr.SignatureSize {
			return nil, fmt.Errorf("%w: it has %d bytes, not 64", errSignature, len(signature))
		}
		return wire.TxWitness{append([]byte(nil), signature...)}, nil // SIGHASH_DEFAULT is not written
	}
	key, err := w.publicKey()
	if err != nil {
		return nil, err
	}
	parsed, err := ecdsaSignature(signature)
	if err != nil {
		return nil, err
	}
	return wire.TxWitness{append(parsed.Serialize(), byte(txscript.SigHashAll)), key.SerializeCompressed()}, nil
}

// Check runs the scripts of a signed transaction, under the rules that nodes relay by. prevouts are what its inputs spend.
func Check(tx *wire.MsgTx, prevouts []signer.Prevout) error {
	h, err := newHashes(tx, prevouts)
	if err != nil {
		return err
	}
	for i := range tx.TxIn {
		spent := prevouts[i]
		engine, err := txscript.NewEngine(spent.Script, tx, i, txscript.StandardVerifyFlags, nil, h.parts, spent.Value, h.fetcher)
		if err == nil {
			err = engine.Execute()
		}
		if err != nil {
			return fmt.Errorf("input %d: %w: %w", i, errSignature, err)
		}
	}
	return nil
}
