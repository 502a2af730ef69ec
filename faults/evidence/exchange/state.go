package exchange

import (
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// Ledger makes anew what the operator attests: the ledger from which the next head is made, and the last head with what is below
// it; nil if there is no head, or if what is stored does not lead to it any more. A head without what is below it can be
// followed by another one, and opened by nobody.
func (s State) Ledger(chainID uint64, self chain.Operator) (*heads.Ledger, *heads.Attested, error) {
	if s.Head.Window == 0 {
		return heads.NewLedger(chainID, self, evidence.Head{}), nil, nil
	}
	then := heads.NewLedger(chainID, self, s.Before)
	now := heads.NewLedger(chainID, self, s.Head)
	for _, e := range s.Entries {
		if err := now.Put(e.Entry); err != nil {
			return nil, nil, fmt.Errorf("stored entry of wallet %v, window %d: %w", e.Wallet, e.Window, err)
		}
		if e.Window > s.Head.Window {
			continue
		}
		if err := then.Put(e.at(s.Head.Window)); err != nil {
			return nil, nil, fmt.Errorf("stored entry of wallet %v, window %d: %w", e.Wallet, e.Window, err)
		}
	}
	below, err := then.Close(s.Head.Window, s.Wallets)
	if err != nil {
		return nil, nil, err
	}
	last, err := below.With(s.Head.Signed())
	if err != nil {
		return now, nil, nil //nolint:nilerr // a wallet's rows were lost, or its last entries: the next head is whole again
	}
	return now, last, nil
}

// at is the entry as the head of a window has it.
func (a Attested) at(window chain.Height) evidence.Entry {
	e := a.Entry
	if a.Filled != 0 && window <= a.Filled {
		e = evidence.Entry{Wallet: e.Wallet, Window: e.Window, Status: evidence.None, Leader: e.Leader}
	}
	return e
}
