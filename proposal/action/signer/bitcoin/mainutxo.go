package bitcoin

import (
	"bytes"
	"context"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
)

// Transactions knows transactions that may have made a wallet's main UTXO. The host chain has its hash alone, and what hashes
// to that needs no trust: where it comes from does not matter. A Bitcoin node is to be another such source.
type Transactions interface {
	// Candidates returns them in any order; those that have nothing to do with the wallet do no harm.
	Candidates(ctx context.Context, wallet chain.WalletID) ([]*wire.MsgTx, error)
}

// FindMain finds the output that hashes to what the host chain has of a wallet's main UTXO, among those that pay the wallet's
// script. False if no candidate has it.
func FindMain(hash [32]byte, candidates []*wire.MsgTx, script []byte) (main UTXO, previous *wire.MsgTx, found bool) {
	for _, tx := range candidates {
		txHash := tx.TxHash()
		for i, out := range tx.TxOut {
			if out.Value <= 0 || !bytes.Equal(out.PkScript, script) {
				continue
			}
			u := UTXO{TxHash: txHash, Index: uint32(i), Value: uint64(out.Value)} //nolint:gosec // an index; positive
			if u.Hash() == hash {
				return u, tx, true
			}
		}
	}
	return UTXO{}, nil, false
}
