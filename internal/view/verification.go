package view

import (
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
)

// Verification compares what was recorded of a window with what follows from the hash of its seed block.
type Verification struct {
	Window    chain.Height         `json:"window"` // coordination block
	SeedBlock chain.Height         `json:"seed_block"`
	SeedHash  chain.Hash           `json:"seed_block_hash"`
	OK        bool                 `json:"ok"` // nothing differs
	Wallets   []WalletVerification `json:"wallets"`
}

// WalletVerification is one wallet's part of a Verification.
type WalletVerification struct {
	Election
	Recorded    bool     `json:"recorded"`    // there is something to compare with
	Differences []string `json:"differences"` // in words; empty if what was recorded is right
}

// NewVerification derives a window's elections again. What was not recorded, because the seed block could not be read at the
// time, is no difference. An error says that a wallet of the trace is not among the wallets.
func NewVerification(t Trace, wallets []Wallet, w coordination.Window, seedBlock chain.Hash) (Verification, error) {
	v := Verification{Window: w.Block, SeedBlock: w.SeedBlock, SeedHash: seedBlock, OK: true, Wallets: []WalletVerification{}}
	for _, row := range t.Wallets {
		wallet, err := find(wallets, row)
		if err != nil {
			return Verification{}, err
		}
		one := WalletVerification{Elect(wallet, w, seedBlock, chain.Operator{}), row.Seed != nil || row.Leader != nil, []string{}}
		one.Differences = append(one.Differences, differences(row, one.Election)...)
		v.OK = v.OK && len(one.Differences) == 0
		v.Wallets = append(v.Wallets, one)
	}
	return v, nil
}

func find(wallets []Wallet, row WalletTrace) (chain.Wallet, error) {
	for _, w := range wallets {
		if row.Wallet == nil || w.Wallet != *row.Wallet {
			continue
		}
		key, err := chain.ParsePublicKey(w.PublicKey)
		if err != nil {
			return chain.Wallet{}, err
		}
		return chain.NewWallet(key, w.Operators)
	}
	return chain.Wallet{}, fmt.Errorf("the window's wallet %v is not among the imported ones", row.Wallet)
}

func differences(recorded WalletTrace, derived Election) []string {
	var list []string
	if recorded.Seed != nil && *recorded.Seed != derived.Seed {
		list = append(list, fmt.Sprintf("the seed was recorded as %s", *recorded.Seed))
	}
	if recorded.Leader != nil && *recorded.Leader != derived.Leader {
		list = append(list, fmt.Sprintf("the leader was recorded as %v", *recorded.Leader))
	}
	if a := recorded.Action; a != nil && *a != "Noop" && !slices.Contains(derived.Checklist, *a) {
		list = append(list, fmt.Sprintf("%s was agreed, which is not on the checklist", *a))
	}
	return list
}
