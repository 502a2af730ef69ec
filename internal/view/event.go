package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

// The kinds of an Event.
const (
	EventResult    = "result"
	EventAmendment = "amendment"
	EventDropped   = "dropped" // the last: the client was too slow, and further events are lost to it
)

// Event is one line of the live account of windows: a window has ended for a wallet, or something was learned of it
// afterwards.
type Event struct {
	Event      string               `json:"event"` // result, amendment or dropped
	Time       string               `json:"time"`
	Window     chain.Height         `json:"window"` // coordination block
	Wallet     chain.WalletID       `json:"wallet"`
	Role       *coordination.Role   `json:"role"`
	Leader     *chain.Operator      `json:"leader"`
	Reason     *coordination.Reason `json:"reason"` // null for an amendment
	Detail     string               `json:"detail"`
	Action     *string              `json:"action"`
	ReceivedAt *chain.Height        `json:"received_block"`
	Faults     []EventFault         `json:"faults"`
	Revoked    bool                 `json:"revoked"` // the window's action is not carried out
}

// EventFault is a fault without its evidence, which faults show has.
type EventFault struct {
	ID         string         `json:"id"`
	Kind       faults.Kind    `json:"kind"`
	Culprit    chain.Operator `json:"culprit"`
	Attributed bool           `json:"attributed"`
	Late       bool           `json:"late"`
}

// Verdict says in words whether the fault accuses.
func (f EventFault) Verdict() string { return verdict(f.Attributed, f.Late) }

// NewEvent shows a report; at is when it was stored.
func NewEvent(r coordination.Report, at string) Event {
	switch r := r.(type) {
	case coordination.Result:
		return Event{
			Event: EventResult, Time: at, Window: r.Window.Block, Wallet: r.Wallet, Role: pointer(r.Role), Leader: pointer(r.Leader),
			Reason: pointer(r.Reason), Detail: r.Detail, Action: pointer(kindName(r.Proposal)), ReceivedAt: pointer(r.ReceivedAt),
			Faults: each(r.Faults, newEventFault),
		}
	case coordination.Amendment:
		return Event{
			Event: EventAmendment, Time: at, Window: r.Window.Block, Wallet: r.Wallet,
			Faults: []EventFault{newEventFault(r.Fault)}, Revoked: r.Revoke,
		}
	}
	return Event{}
}

func newEventFault(f faults.Fault) EventFault {
	return EventFault{f.ID(), f.Kind, f.Culprit, f.Attributed, f.Late}
}
