package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/wire"
)

// Wallets is the list of wallets in the order of their IDs.
type Wallets struct {
	Wallets []Wallet `json:"wallets"`
}

// Wallet is an imported wallet.
type Wallet struct {
	Wallet     chain.WalletID   `json:"wallet"`     // public key hash
	PublicKey  string           `json:"public_key"` // uncompressed
	Channel    string           `json:"channel"`
	Operators  []chain.Operator `json:"operators"` // one per seat, in seat order
	ImportedAt string           `json:"imported_at"`
	Archived   bool             `json:"archived"` // no part is taken in its windows any more
	Owner      *string          `json:"owner"`    // the instance that serves it; null if that is nobody, or not known
	Epoch      *uint64          `json:"epoch"`    // grows with each change of the owner; null without instances
	Halted     *string          `json:"halted"`   // why it is stopped on all instances; null if it is not
	Signer     *string          `json:"signer"`   // which signer holds this operator's shares of its key; null if none does
	// Unsignable is why this operator cannot sign for it now; null if it can, as far as was asked.
	Unsignable *string `json:"unsignable"`
	// Generated is how its key was made, if this node took part in that; null otherwise, and in lists.
	Generated *WalletOrigin `json:"generated"`
}

// Of adds who serves the wallet.
func (w Wallet) Of(o Owner) Wallet {
	w.Owner, w.Epoch, w.Halted = pointer(o.Owner), pointer(o.Epoch), pointer(o.Halted)
	return w
}

// newWallet shows an imported wallet.
func newWallet(w store.WalletRecord) Wallet {
	return Wallet{
		Wallet:     w.ID(),
		PublicKey:  w.Key().String(),
		Channel:    wire.ChannelName(w.Key()),
		Operators:  w.Roster(),
		ImportedAt: Time(w.ImportedAt),
		Archived:   w.Archived,
	}
}

// Distinct returns how many operators hold the wallet's seats.
func (w Wallet) Distinct() int {
	holders := map[chain.Operator]bool{}
	for _, op := range w.Operators {
		holders[op] = true
	}
	return len(holders)
}
