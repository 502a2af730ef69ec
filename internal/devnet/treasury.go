package devnet

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Redemptions are requested as the devnet runs: one for each wallet and window. Where nobody signs nobody is paid; whose
// request has waited for maxOpen windows reports it as timed out, so that a devnet without end does not fill up.
const (
	maxOpen          = 8
	redemptionAmount = 5_000_000 // satoshi
)

// treasury is who asks the wallets for redemptions on the chain, and knows what they have to pay these from. The director owns it.
type treasury struct {
	chain     *localchain.Chain
	client    *ethereum.Client // reads what the chain has of wallets' money
	limits    chain.RedemptionLimits
	threshold int           // seats of a wallet that a signature takes
	scheme    signer.Scheme // of the wallets that sign
	idle      bool          // nobody asks: whoever has to pay does not show that it is alive
	log       *slog.Logger

	requests int                           // redemptions requested so far
	open     map[chain.WalletID][]int      // of those, the open ones of each wallet, oldest first
	purses   map[chain.WalletID]chain.UTXO // main UTXOs of the wallets that sign
}

// newTreasury reads by which limits the chain has redemptions.
func newTreasury(ctx context.Context, local *localchain.Chain, client *ethereum.Client, cfg Config, idle bool, log *slog.Logger) (*treasury, error) {
	limits, err := client.RedemptionLimits(ctx)
	return &treasury{
		chain: local, client: client, limits: limits, threshold: cfg.threshold(), scheme: cfg.scheme(), idle: idle, log: log,
		open: make(map[chain.WalletID][]int), purses: make(map[chain.WalletID]chain.UTXO),
	}, err
}

// request asks each wallet for a redemption.
func (t *treasury) request(ctx context.Context, wallets []chain.Wallet) error {
	if t.idle {
		return nil
	}
	for _, w := range wallets {
		id := w.ID()
		if open := t.open[id]; len(open) == maxOpen {
			if err := t.chain.TimeOutRedemption(ctx, id, payout(open[0])); err != nil {
				return err
			}
			t.open[id] = open[1:]
		}
		if err := t.chain.RequestRedemption(ctx, id, payout(t.requests), redemptionAmount); err != nil {
			return err
		}
		t.open[id] = append(t.open[id], t.requests)
		t.requests++
	}
	return nil
}

// mature has what was requested be old enough for the next window.
func (t *treasury) mature(ctx context.Context) error {
	return t.chain.AdvanceTime(ctx, t.limits.MinAge+time.Minute)
}

// ripen has the next block come late enough for what is requested now to be old enough at the next window. It is without that, unless
// the window before took so long that the chain went on for some hundred blocks meanwhile: then the request would come of age while
// the window runs, and nobody could say whether it has to be paid.
func (t *treasury) ripen(ctx context.Context) error {
	height := t.chain.Height()
	known := knownAt(coordination.RFC12().Next(height))
	var left time.Duration
	if known > height {
		left = time.Duration(known-height) * chainBlockTime //nolint:gosec // less than a window
	}
	if missing := t.limits.MinAge + time.Minute - left; missing > 0 {
		return t.chain.AdvanceTime(ctx, missing)
	}
	return nil
}

// due returns the output scripts of the requests that a redemption of this window must pay.
func (t *treasury) due(ctx context.Context, wallet chain.WalletID, now time.Time) ([][]byte, error) {
	requests, err := t.client.PendingRedemptions(ctx, wallet, 0)
	if err != nil {
		return nil, err
	}
	var scripts [][]byte
	for _, r := range requests {
		if now.After(r.RequestedAt.Add(t.limits.MinAge)) {
			scripts = append(scripts, r.Script)
		}
	}
	return scripts, nil
}

// endow gives a wallet its first main UTXO.
func (t *treasury) endow(ctx context.Context, wallet chain.WalletID, main chain.UTXO) error {
	if err := t.chain.SetMainUTXO(ctx, wallet, main); err != nil {
		return err
	}
	t.purses[wallet] = main
	return nil
}

// purse reads what the chain has of a wallet's money: its main UTXO, and what the due requests ask for. It is nil of a wallet
// that has none. The chain must have the main UTXO that the director gave it.
func (t *treasury) purse(ctx context.Context, e election) (*purse, error) {
	main, ok := t.purses[e.wallet.ID()]
	if !ok {
		return nil, nil //nolint:nilnil // it has none
	}
	hash, err := t.client.MainUTXOHash(ctx, e.wallet.ID())
	if err != nil {
		return nil, err
	}
	if hash != main.Hash() {
		return nil, fmt.Errorf("the chain has another main UTXO of wallet %v than it was given", e.wallet.ID())
	}
	requests, err := t.client.RedemptionRequests(ctx, e.wallet.ID(), e.due)
	return &purse{Main: main, Requests: requests, Threshold: t.threshold, Scheme: t.scheme}, err
}

// cash closes, for each wallet whose redemption was signed as it must be, the requests that it pays, and leaves it with the
// change: as somebody would who proves to the chain that Bitcoin has the transaction.
func (t *treasury) cash(ctx context.Context, f facts) error {
	for _, w := range f.Wallets {
		if w.Purse == nil {
			continue
		}
		tx := f.paid(w)
		if tx == nil {
			continue
		}
		id := w.Wallet.ID()
		var scripts [][]byte
		for _, r := range w.Purse.Requests {
			scripts = append(scripts, r.Script)
		}
		change := chain.UTXO{TxHash: tx.TxHash(), Value: uint64(tx.TxOut[0].Value)} //nolint:gosec // judged
		if err := t.chain.SettleRedemptions(ctx, id, scripts, tx.TxHash(), change); err != nil {
			return err
		}
		t.purses[id] = change
		t.open[id] = slices.DeleteFunc(t.open[id], func(n int) bool { return holds(scripts, payout(n)) })
		t.log.Info("Redemption settled", "wallet", id, "transaction", tx.TxID(), "requests", len(scripts), "change", change.Value)
	}
	return nil
}

// payout is the output script (P2WPKH) of the n-th request.
func payout(n int) []byte {
	script := append([]byte{0x00, 0x14}, make([]byte, 20)...)
	script[18], script[19], script[20], script[21] = 0xde, byte(n>>16), byte(n>>8), byte(n) //nolint:gosec // the low bytes
	return script
}
