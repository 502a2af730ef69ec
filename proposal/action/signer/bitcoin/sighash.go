package bitcoin

import (
	"errors"
	"fmt"

	"github.com/btcsuite/btcd/chaincfg/chainhash"
	"github.com/btcsuite/btcd/txscript"
	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/proposal"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// heartbeatTag keeps what a FROST wallet signs as a heartbeat apart from everything else, see docs/decisions/019.
const heartbeatTag = "walletnode/heartbeat/1"

// Signables returns what a proposal comes to: the 32 bytes that are signed, one for each input of the transaction, and one for
// a heartbeat, whose tx is nil. What Judge refuses has to be refused before.
func Signables(w Wallet, p proposal.Proposal, tx *signer.Transaction) ([]signer.Signable, error) {
	if _, err := w.publicKey(); err != nil {
		return nil, err
	}
	if beat, ok := p.(proposal.Heartbeat); ok && tx == nil {
		return []signer.Signable{heartbeat(w.Scheme, beat.Message)}, nil
	}
	if tx == nil {
		return nil, errors.New("there is no transaction to sign")
	}
	parsed, err := ParseUnsigned(tx.Raw)
	if err != nil {
		return nil, err
	}
	hashes, err := newHashes(parsed, tx.Prevouts)
	if err != nil {
		return nil, err
	}
	all := make([]signer.Signable, len(parsed.TxIn))
	for i := range all {
		if all[i], err = hashes.of(w.Scheme, i); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	return all, nil
}

// heartbeat is what is signed for a heartbeat: a tagged hash (BIP-340) for FROST; for CMP what the network's other clients sign.
func heartbeat(scheme signer.Scheme, message [16]byte) signer.Signable {
	if scheme == signer.FROST {
		return signer.Signable(*chainhash.TaggedHash([]byte(heartbeatTag), message[:]))
	}
	return signer.Signable(chainhash.DoubleHashH(message[:]))
}

// hashes makes the signature hashes of a transaction's inputs.
type hashes struct {
	tx       *wire.MsgTx
	prevouts []signer.Prevout
	fetcher  *txscript.MultiPrevOutFetcher
	parts    *txscript.TxSigHashes
}

func newHashes(tx *wire.MsgTx, prevouts []signer.Prevout) (*hashes, error) {
	if len(prevouts) != len(tx.TxIn) {
		return nil, fmt.Errorf("%d previous outputs for %d inputs", len(prevouts), len(tx.TxIn))
	}
	fetcher := txscript.NewMultiPrevOutFetcher(nil)
	for i, in := range tx.TxIn {
		fetcher.AddPrevOut(in.PreviousOutPoint, wire.NewTxOut(prevouts[i].Value, prevouts[i].Script))
	}
	return &hashes{tx, prevouts, fetcher, txscript.NewTxSigHashes(tx, fetcher)}, nil
}

// of returns the hash that is signed for an input: of a P2TR output by its key (BIP-341, SIGHASH_DEFAULT), of a P2WPKH output
// (BIP-143, SIGHASH_ALL).
func (h *hashes) of(scheme signer.Scheme, input int) (signer.Signable, error) {
	var hash []byte
	var err error
	spent := h.prevouts[input]
	switch scheme {
	case signer.FROST:
		if !txscript.IsPayToTaproot(spent.Script) {
			return signer.Signable{}, errors.New("it does not spend a P2TR output")
		}
		hash, err = txscript.CalcTaprootSignatureHash(h.parts, txscript.SigHashDefault, h.tx, input, h.fetcher)
	case signer.CMP:
		if !txscript.IsPayToWitnessPubKeyHash(spent.Script) {
			return signer.Signable{}, errors.New("it does not spend a P2WPKH output")
		}
		hash, err = txscript.CalcWitnessSigHash(spent.Script, h.parts, txscript.SigHashAll, h.tx, input, spent.Value)
	default:
		return signer.Signable{}, fmt.Errorf("scheme: there is no %q", scheme)
	}
	if err != nil {
		return signer.Signable{}, fmt.Errorf("signature hash: %w", err)
	}
	return signer.Signable(hash), nil
}

// Outpoints returns what a transaction spends, input by input.
func Outpoints(tx *signer.Transaction) ([]signer.Outpoint, error) {
	parsed, err := ParseUnsigned(tx.Raw)
	if err != nil {
		return nil, err
	}
	spent := make([]signer.Outpoint, len(parsed.TxIn))
	for i, in := range parsed.TxIn {
		spent[i] = signer.Outpoint{TxHash: signer.Digest(in.PreviousOutPoint.Hash), Index: in.PreviousOutPoint.Index}
	}
	return spent, nil
}
