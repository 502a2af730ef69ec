package view

import (
	"encoding/hex"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
)

// Faults is a list of faults, newest window first.
type Faults struct {
	Faults []Fault `json:"faults"`
	More   bool    `json:"more"` // the list goes on beyond its limit
}

// Fault is one recorded misdeed of another operator.
type Fault struct {
	ID         string          `json:"id"`
	Window     chain.Height    `json:"window"` // coordination block
	Wallet     chain.WalletID  `json:"wallet"`
	Kind       faults.Kind     `json:"kind"`
	Culprit    chain.Operator  `json:"culprit"`
	Attributed bool            `json:"attributed"`
	Late       bool            `json:"late"`
	Detail     string          `json:"detail"`
	Evidence   []string        `json:"evidence"` // signed messages, hex
	Observer   faults.Observer `json:"observer"` // what this node could see when it judged
	ObservedAt chain.Height    `json:"observed_block"`
	RecordedAt string          `json:"recorded_at"`
	Proof      *string         `json:"proof"` // ID of the stored proof of it; null if there is none
}

// newFault shows a stored fault.
func newFault(r faults.Record) Fault {
	return Fault{
		r.ID, r.Window, r.Wallet, r.Kind, r.Culprit, r.Attributed, r.Late, r.Detail, each(r.Evidence, hex.EncodeToString),
		r.Observer, r.ObservedAt, Time(r.StoredAt), pointer(r.Proof),
	}
}

// Verdict says in words whether a fault accuses.
func (f Fault) Verdict() string { return verdict(f.Attributed, f.Late) }

func verdict(attributed, late bool) string {
	word := "unattributed"
	if attributed {
		word = "attributed"
	}
	if late {
		word += ", late"
	}
	return word
}
