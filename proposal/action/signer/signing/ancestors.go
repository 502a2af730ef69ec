package signing

import (
	"bytes"
	"context"
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

// forebears reads the transactions of earlier signatures, and what those spent: of windows in which this node was away, perhaps.
func forebears(earlier []Signing) (map[signer.Digest]forebear, error) {
	known := make(map[signer.Digest]forebear)
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
		for _, raw := range s.Intent.Transaction.Previous {
			previous, err := bitcoin.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("read what the intent of window %d spends: %w", s.Window, err)
			}
			if hash := signer.Digest(previous.TxHash()); known[hash].tx == nil {
				known[hash] = forebear{s.Window, raw, previous}
			}
		}
	}
	return known, nil
}

// lineage is what ancestors comes to.
type lineage struct {
	raw [][]byte
	// missing is the transaction that is needed to follow them further back; zero if none is.
	missing signer.Digest
}

// ancestors returns the transactions between what a transaction spends and the oldest one that paid one of its scripts before: a
// backend that took no part in some of them sees by these that the earlier payment was settled, or never will be. None if no
// script was paid before. What is beyond signer.MaxAncestors and signer.MaxAncestorBytes is left out, the oldest first. given are
// transactions that this node knows from others.
func ancestors(tx *signer.Transaction, scripts [][]byte, earlier []Signing, given []*wire.MsgTx) (lineage, error) {
	known, err := forebears(earlier)
	if err != nil {
		return lineage{}, err
	}
	var oldest forebear
	pays := func(out *wire.TxOut) bool {
		return slices.ContainsFunc(scripts, func(script []byte) bool { return bytes.Equal(out.PkScript, script) })
	}
	for _, s := range earlier { // the newest come first
		if s.Intent.Transaction == nil {
			continue
		}
		parsed, err := bitcoin.ParseUnsigned(s.Intent.Transaction.Raw)
		if err != nil {
			return lineage{}, err
		}
		if slices.ContainsFunc(parsed.TxOut, pays) {
			oldest = known[signer.Digest(parsed.TxHash())]
		}
	}
	if oldest.tx == nil {
		return lineage{}, nil
	}
	for _, tx := range given {
		if hash := signer.Digest(tx.TxHash()); known[hash].tx == nil {
			known[hash] = forebear{oldest.window, bitcoin.Serialize(tx), tx} // it is no older: nobody looks for those
		}
	}
	next, err := bitcoin.Outpoints(tx)
	if err != nil {
		return lineage{}, err
	}
	var found lineage
	size := 0
	for reached := false; len(next) > 0; {
		f, ok := known[next[0].TxHash]
		if !ok && !reached && found.missing == (signer.Digest{}) {
			found.missing = next[0].TxHash
		}
		next = next[1:]
		if !ok || f.window < oldest.window {
			continue
		}
		if size += len(f.raw); len(found.raw) == signer.MaxAncestors || size > signer.MaxAncestorBytes {
			found.missing = signer.Digest{} // it would have no place
			break
		}
		found.raw = append(found.raw, f.raw)
		reached = reached || f.tx == oldest.tx
		for _, in := range f.tx.TxIn {
			next = append(next, signer.Outpoint{TxHash: signer.Digest(in.PreviousOutPoint.Hash), Index: in.PreviousOutPoint.Index})
		}
	}
	return found, nil
}

// ancestors is the same, and asks the other operators for those that this node lacks, as one that was away for several windows does.
// What nobody has is left out: the own signer may then refuse, and the others sign.
func (s *Service) ancestors(ctx context.Context, j *job, tx *signer.Transaction, scripts [][]byte, earlier []Signing) ([][]byte, error) {
	var known []*wire.MsgTx
	for _, raw := range tx.Previous {
		previous, err := bitcoin.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("read what is spent: %w", err)
		}
		known = append(known, previous)
	}
	for {
		found, err := ancestors(tx, scripts, earlier, slices.Concat(known, j.search.all()))
		if err != nil || found.missing == (signer.Digest{}) || j.search.everybody(j.wallet) {
			return found.raw, err
		}
		is := func(tx *wire.MsgTx) bool { return signer.Digest(tx.TxHash()) == found.missing }
		if s.seek(ctx, j, found.missing, is) == nil && !j.search.everybody(j.wallet) {
			return nil, errHole // for this block
		}
	}
}
