package devnet

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/btcsuite/btcd/wire"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/bitcoin"
)

const (
	// endowment is what a wallet has at the beginning, in satoshi: 1000 bitcoin, some 20,000 redemptions.
	endowment = 100_000_000_000
	// transactionsName is the directory, in a node's, in which it looks for Bitcoin transactions.
	transactionsName = "transactions"
)

// endow makes the wallets that the nodes have made known to the chain, gives each a main UTXO, and has it asked for a redemption
// that is old enough for the first window.
func (d *devnet) endow(ctx context.Context) error {
	for _, w := range d.wallets {
		if err := d.chain.RegisterWallet(ctx, w.ID()); err != nil {
			return err
		}
		main, err := d.deposit(w)
		if err != nil {
			return fmt.Errorf("fund wallet %v: %w", w.ID(), err)
		}
		if err := d.treasury.endow(ctx, w.ID(), main); err != nil {
			return err
		}
	}
	if err := d.treasury.request(ctx, d.wallets); err != nil {
		return err
	}
	return d.treasury.mature(ctx)
}

// deposit makes up the Bitcoin transaction that funds a wallet and puts it where every operator's node looks for it.
func (d *devnet) deposit(w chain.Wallet) (chain.UTXO, error) {
	id := w.ID()
	tx := wire.NewMsgTx(2)
	from := wire.OutPoint{Index: 7} // of a transaction that there is not
	copy(from.Hash[:], id[:])
	tx.AddTxIn(wire.NewTxIn(&from, nil, nil))
	tx.AddTxOut(wire.NewTxOut(endowment, bitcoin.ScriptOf(d.cfg.scheme(), w.Key())))
	for _, o := range d.operators {
		if err := o.supply(tx); err != nil {
			return chain.UTXO{}, err
		}
	}
	return chain.UTXO{TxHash: tx.TxHash(), Value: endowment}, nil
}

// supply puts a Bitcoin transaction where the operator's node looks for them.
func (o *operator) supply(tx *wire.MsgTx) error {
	var raw bytes.Buffer
	if err := tx.Serialize(&raw); err != nil {
		return err
	}
	dir := filepath.Join(o.dir, transactionsName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, tx.TxID()+".hex"), []byte(hex.EncodeToString(raw.Bytes())+"\n"), 0o600)
}

// paid returns a wallet's redemption if a node has one that pays what is due; nil if none has.
func (f facts) paid(w walletFacts) *wire.MsgTx {
	for _, n := range f.Nodes {
		for _, row := range n.Detail.Wallets {
			if row.Wallet != w.Wallet.ID() {
				continue
			}
			if tx, err := redeemed(w, row, n.signed(row.Wallet)); err == nil {
				return tx
			}
		}
	}
	return nil
}
