package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
)

// The kinds of an Event.
const (
	EventOpened    = "opened"
	EventResult    = "result"
	EventAmendment = "amendment"
	EventGap       = "gap"     // the account goes on through another instance: what happened meanwhile may be missing
	EventDropped   = "dropped" // the last: the client was too slow, and further events are lost to it
)

// Event is one line of the live account of windows: a window has opened, it has ended for a wallet, or something was
// learned of it afterwards.
type Event struct {
	Event      string               `json:"event"` // opened, result, amendment, gap or dropped
	Time       string               `json:"time"`
	Window     *chain.Height        `json:"window"` // coordination block; null for gap and dropped
	Wallet     *chain.WalletID      `json:"wallet"` // null for opened, which concerns every wallet, for gap and for dropped
	Role       *coordination.Role   `json:"role"`
	Leader     *chain.Operator      `json:"leader"`
	Reason     *coordination.Reason `json:"reason"` // of a result
	Detail     string               `json:"detail"`
	Action     *string              `json:"action"`
	OpenedAt   *chain.Height        `json:"opened_block"` // of an opening or a result
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
	Detail     *string        `json:"detail"` // what was wrong, in words; null of what an instance of an earlier version tells
}

// Verdict says in words whether the fault accuses.
func (f EventFault) Verdict() string { return verdict(f.Attributed, f.Late) }

// NewOpening shows that a window was opened; at is when.
func NewOpening(o coordination.Opened, at string) Event {
	return Event{Event: EventOpened, Time: at, Window: &o.Block, OpenedAt: pointer(o.At), Faults: []EventFault{}}
}

// NewGap shows that nothing was heard since some time; at is when that ended.
func NewGap(since, at string) Event {
	return Event{Event: EventGap, Time: at, Detail: "nothing was heard since " + since + ": windows list has it", Faults: []EventFault{}}
}

// NewDropped shows that a client was dropped; at is when.
func NewDropped(at string) Event {
	return Event{Event: EventDropped, Time: at, Faults: []EventFault{}}
}

// NewEvent shows a report; at is when it was stored.
func NewEvent(r coordination.Report, at string) Event {
	switch r := r.(type) {
	case coordination.Result:
		return Event{
			Event: EventResult, Time: at, Window: &r.Window.Block, Wallet: &r.Wallet, Role: pointer(r.Role), Leader: pointer(r.Leader),
			Reason: pointer(r.Reason), Detail: r.Detail, Action: pointer(kindName(r.Proposal)), OpenedAt: pointer(r.OpenedAt),
			ReceivedAt: pointer(r.ReceivedAt), Faults: each(r.Faults, newEventFault),
		}
	case coordination.Amendment:
		return Event{
			Event: EventAmendment, Time: at, Window: &r.Window.Block, Wallet: &r.Wallet,
			Faults: []EventFault{newEventFault(r.Fault)}, Revoked: r.Revoke,
		}
	}
	return Event{}
}

func newEventFault(f faults.Fault) EventFault {
	return EventFault{f.ID(), f.Kind, f.Culprit, f.Attributed, f.Late, new(f.Detail)}
}
