package view

import (
	"context"
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer/keygen"
)

// ErrNoSigners says that the node has no signer backends, and so neither signs nor generates keys.
var ErrNoSigners = errors.New("the node has no signer backends: configure [[signers]], or the embedded signer")

// Keygens is the key generations that the node knows of, the newest first.
type Keygens struct {
	Keygens []Keygen `json:"keygens"`
}

// Keygen is one key generation: a wallet that is to be.
type Keygen struct {
	Session   string          `json:"session"` // its name, 64 hex digits
	State     string          `json:"state"`   // invited, accepted, running, attesting, active, declined or failed
	Detail    string          `json:"detail"`  // who is to blame or awaited; empty if there is nothing to say
	Scheme    string          `json:"scheme"`
	Threshold int             `json:"threshold"` // seats that a signature takes
	Roster    []KeygenHolding `json:"roster"`    // who holds the seats, in seat order
	Seats     []int           `json:"seats"`     // our operator's
	By        chain.Operator  `json:"by"`        // who invites
	Expires   string          `json:"expires"`   // until when all must have accepted
	Round     int             `json:"round"`     // of a running one; 0 if it is in none, or does not run in this instance
	// Awaited is who has not said what is waited for since Since; nobody if it does not run in this instance.
	Awaited  []chain.Operator `json:"awaited"`
	Since    *string          `json:"since"`
	Wallet   *chain.WalletID  `json:"wallet"`   // public key hash, as soon as our shares are there
	Instance string           `json:"instance"` // which runs it; empty before it is accepted, and of an only instance
	Created  string           `json:"created"`
	Changed  string           `json:"changed"`
}

// KeygenHolding is an operator's seats that follow each other.
type KeygenHolding struct {
	Operator chain.Operator `json:"operator"`
	Seats    int            `json:"seats"`
}

// NewKeygens makes the list.
func NewKeygens(all []keygen.Status) Keygens {
	list := Keygens{make([]Keygen, len(all))}
	for i, st := range all {
		list.Keygens[i] = NewKeygen(st)
	}
	return list
}

// NewKeygen makes the document.
func NewKeygen(st keygen.Status) Keygen {
	k := Keygen{
		Session: st.Session.String(), State: string(st.State), Detail: st.Detail, Scheme: string(st.Invited.Scheme),
		Threshold: st.Invited.Threshold, Roster: holdings(st.Invited.Roster), Seats: numbers(st.Seats),
		By: st.Invited.By, Expires: Time(st.Invited.Expires), Round: st.Progress.Round,
		Awaited: append([]chain.Operator{}, st.Progress.Awaited...), Instance: st.Instance,
		Created: Time(st.Created), Changed: Time(st.Changed),
	}
	if !st.Progress.Since.IsZero() {
		since := Time(st.Progress.Since)
		k.Since = &since
	}
	if st.Wallet != (chain.WalletID{}) {
		k.Wallet = &st.Wallet
	}
	return k
}

// numbers writes seats as numbers: a list of bytes would be written as base64.
func numbers(seats []chain.Seat) []int {
	list := make([]int, len(seats))
	for i, s := range seats {
		list[i] = int(s)
	}
	return list
}

// holdings writes a roster as runs of seats.
func holdings(roster []chain.Operator) []KeygenHolding {
	list := []KeygenHolding{}
	for i, op := range roster {
		if i == 0 || op != roster[i-1] {
			list = append(list, KeygenHolding{Operator: op})
		}
		list[len(list)-1].Seats++
	}
	return list
}

// Over reports whether nothing is to come of it any more.
func (k Keygen) Over() bool { return !keygen.State(k.State).Open() }

// Total returns the number of seats.
func (k Keygen) Total() int {
	n := 0
	for _, h := range k.Roster {
		n += h.Seats
	}
	return n
}

// WalletOrigin is how a wallet's key was made.
type WalletOrigin struct {
	Session   string         `json:"session"` // of the key generation
	Scheme    string         `json:"scheme"`
	Threshold int            `json:"threshold"` // seats that a signature takes
	By        chain.Operator `json:"by"`        // who invited
	At        string         `json:"at"`        // when all operators had signed it
}

// origin returns how a wallet's key was made, as all of its operators have signed it; nil if this node took no part in that.
func (r Records) origin(ctx context.Context, w chain.WalletID) (*WalletOrigin, error) {
	rows, err := r.Store.Keygens(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.Wallet != w || row.State != keygen.Active {
			continue
		}
		inv, err := keygen.ReadInvitation(row.Invitation)
		if err != nil {
			return nil, fmt.Errorf("key generation %v: %w", row.Session, err)
		}
		return &WalletOrigin{row.Session.String(), string(inv.Scheme), inv.Threshold, inv.By, Time(row.Changed)}, nil
	}
	return nil, nil //nolint:nilnil // no origin is known, which is no error
}
