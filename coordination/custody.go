package coordination

import "github.com/walletnode/walletnode/chain"

// Term is one unbroken responsibility for a wallet.
type Term = chain.Term

// Custody says which wallets this instance serves. Another instance of the operator may serve a wallet today and this one
// tomorrow; whoever does not serve a wallet neither speaks nor records anything for it.
type Custody interface {
	// Term returns the term under which the wallet is served now; 0 if it is not. It must return at once.
	Term(wallet chain.WalletID) Term
	// Changed returns a channel that is closed at the next change of any wallet's term; nil if none ever changes. Take it
	// before calling Term, or a change in between goes unseen.
	Changed() <-chan struct{}
}

// Alone is the custody of an instance that has no siblings: it serves every wallet, always.
type Alone struct{}

// Term implements Custody.
func (Alone) Term(chain.WalletID) Term { return 1 }

// Changed implements Custody; nothing ever changes.
func (Alone) Changed() <-chan struct{} { return nil }
