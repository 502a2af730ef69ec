package signing

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

// forebear is an earlier transaction of the wallet.
type forebear struct {
	window chain.Height
	raw    []byte // without signatures
	tx     *wire.MsgTx
}

// ancestors returns the transactions between what a transaction spends and the oldest one that paid one of its scripts before: a
// backend that took no part in some of them sees by these that the earlier payment was settled, or never will be. None if no
// script was paid before. What is beyond signer.MaxAncestors and signer.MaxAncestorBytes is left out, the oldest first.
func ancestors(tx *signer.Transaction, scripts [][]byte, earlier []Signing) ([][]byte, error) {
	known := make(map[signer.Digest]forebear)
	oldest := chain.Height(0)
	for _, s := range earlier {
		if s.Intent.Transaction == nil {
			continue
		}
		raw := s.Intent.Transaction.Raw
		parsed, err := bitcoin.ParseUnsigned(raw)
		if err != nil {
			return nil, fmt.Errorf("read the intent of window %d: %w", s.Window, err)
		}
		known[signer.Digest(parsed.TxHash())] = forebear{s.Window, raw, parsed}
		for _, raw := range s.Intent.Transaction.Previous { // of a window in which this node was away, perhaps
			previous, err := bitcoin.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("read what the intent of window %d spends: %w", s.Window, err)
			}
			if hash := signer.Digest(previous.TxHash()); known[hash].tx == nil {
				known[hash] = forebear{s.Window, raw, previous}
			}
		}
		pays := func(out *wire.TxOut) bool {
			return slices.ContainsFunc(scripts, func(script []byte) bool { return bytes.Equal(out.PkScript, script) })
		}
		if slices.ContainsFunc(parsed.TxOut, pays) {
			oldest = s.Window // the newest come first
		}
	}
	if oldest == 0 {
		return nil, nil
	}
	next, err := bitcoin.Outpoints(tx)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	size := 0
	for len(next) > 0 {
		f, ok := known[next[0].TxHash]
		next = next[1:]
		if !ok || f.window < oldest {
			continue
		}
		if size += len(f.raw); len(all) == signer.MaxAncestors || size > signer.MaxAncestorBytes {
			break
		}
		all = append(all, f.raw)
		for _, in := range f.tx.TxIn {
			next = append(next, signer.Outpoint{TxHash: signer.Digest(in.PreviousOutPoint.Hash), Index: in.PreviousOutPoint.Index})
		}
	}
	return all, nil
}
