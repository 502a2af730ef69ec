package exchange

import (
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// basis is the ledger as this operator's head of a window has it: what was filled later is not in it. A log that has that head with the same
// version has been in that state, for no version comes twice, and what it knows beyond it is told by Heads.Since. It does not change.
type basis struct {
	ledger *heads.Ledger
	window chain.Height // 0 if there is no head
	made   uint64       // the version with which the head was stored
}

// attestation is what an operator attests: from now the next head is made, and last is the last one with what is below it; nil if there is no
// head, or if what is stored does not lead to it any more. A head without what is below it can be followed by another one, and opened by
// nobody.
type attestation struct {
	basis basis
	now   *heads.Ledger
	last  *heads.Attested
}

// Ledger makes anew what the operator attests.
func (s State) Ledger(chainID uint64, self chain.Operator) (*heads.Ledger, *heads.Attested, error) {
	a, err := s.attestation(heads.NewLedger(chainID, self, evidence.Head{}))
	return a.now, a.last, err
}

// errLeadsElsewhere says that entries do not lead to the head that was signed: rows were lost.
var errLeadsElsewhere = errors.New("what is stored does not lead to the head that was signed")

// attestation makes what the operator attests from a ledger, which is not changed, and the entries of a state that are not in it.
func (s State) attestation(from *heads.Ledger) (attestation, error) {
	then := from.Clone()
	if s.Head.Window == 0 {
		return attestation{basis: basis{ledger: then}, now: then}, nil
	}
	then.Follow(s.Before)
	var later []evidence.Entry
	for _, e := range s.Entries {
		before := e.at(s.Head.Window)
		if err := then.Put(before); err != nil {
			return attestation{}, fmt.Errorf("stored entry of wallet %v, window %d: %w", e.Wallet, e.Window, err)
		}
		if before != e.Entry {
			later = append(later, e.Entry)
		}
	}
	below, err := then.Close(s.Head.Window, s.Wallets)
	if err != nil {
		return attestation{}, err
	}
	then.Follow(s.Head)
	a := attestation{basis: basis{ledger: then, window: s.Head.Window, made: s.Made}, now: then}
	if len(later) > 0 {
		a.now = then.Clone()
	}
	for _, e := range later {
		if err := a.now.Put(e); err != nil {
			return attestation{}, fmt.Errorf("stored entry of wallet %v, window %d: %w", e.Wallet, e.Window, err)
		}
	}
	// Otherwise a wallet's rows were lost, or its last entries: the next head is whole again.
	if last, err := below.With(s.Head.Signed()); err == nil {
		a.last = last
	}
	return a, nil
}

// after makes what the operator attests from that of an earlier head, and what has changed since. ErrLeadsElsewhere says that all has to be
// read.
func (s State) after(b basis) (attestation, error) {
	if s.Head.Window == b.window { // gaps were filled
		a := attestation{basis: b, now: b.ledger.Clone()}
		for _, e := range s.Entries {
			if err := a.now.Put(e.Entry); err != nil {
				return attestation{}, err
			}
		}
		return a, nil
	}
	a, err := s.attestation(b.ledger)
	if err == nil && a.last == nil {
		err = errLeadsElsewhere
	}
	return a, err
}

// at is the entry as the head of a window has it.
func (a Attested) at(window chain.Height) evidence.Entry {
	e := a.Entry
	if a.Filled != 0 && window <= a.Filled {
		e = evidence.Entry{Wallet: e.Wallet, Window: e.Window, Status: evidence.None, Leader: e.Leader}
	}
	return e
}
