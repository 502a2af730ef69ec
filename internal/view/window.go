package view

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

// The states of a Window.
const (
	WindowOpen     = string(store.StateOpen)
	WindowFinished = string(store.StateFinished)
	WindowMissed   = string(store.StateMissed)
)

// Windows is a list of windows, newest first.
type Windows struct {
	Windows []Window `json:"windows"`
	More    bool     `json:"more"` // the list goes on beyond its limit
}

// Window is one wallet's window, or a range of missed windows.
type Window struct {
	State       string               `json:"state"`                  // open, finished or missed
	Window      chain.Height         `json:"window"`                 // coordination block; of a missed range the last
	FirstWindow *chain.Height        `json:"first_window,omitempty"` // of a missed range
	Wallet      *chain.WalletID      `json:"wallet"`
	Role        *coordination.Role   `json:"role"`
	Leader      *chain.Operator      `json:"leader"`
	Reason      *coordination.Reason `json:"reason"`
	Detail      string               `json:"detail"`
	Action      *string              `json:"action"`
	OpenedAt    *chain.Height        `json:"opened_block"`
	ReceivedAt  *chain.Height        `json:"received_block"`
	RecordedAt  *string              `json:"recorded_at"`
	Faults      int                  `json:"fault_count"`
	Attributed  int                  `json:"attributed_count"`
	Outcome     *string              `json:"outcome"`        // of the action
	Pending     bool                 `json:"action_pending"` // the action has no outcome yet
}

// newWindow shows one row of the list of windows.
func newWindow(row store.WindowRow) Window {
	if m := row.Missed; m != nil {
		return Window{State: WindowMissed, Window: m.Last, FirstWindow: &m.First, Reason: &m.Reason}
	}
	state := WindowFinished
	if row.Open {
		state = WindowOpen
	}
	return Window{
		State:      state,
		Window:     row.Block,
		Wallet:     &row.Wallet,
		Role:       pointer(row.Role),
		Leader:     pointer(row.Leader),
		Reason:     pointer(row.Reason),
		Detail:     row.Detail,
		Action:     pointer(kindName(row.Proposal)),
		OpenedAt:   pointer(row.OpenedAt),
		ReceivedAt: pointer(row.ReceivedAt),
		RecordedAt: pointer(Time(row.RecordedAt)),
		Faults:     row.Faults,
		Attributed: row.Attributed,
		Outcome:    pointer(row.Outcome),
		Pending:    row.Pending,
	}
}
