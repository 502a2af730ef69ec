package view

import (
	"encoding/json"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

// Actions is a list of actions, newest window first.
type Actions struct {
	Actions []Action `json:"actions"`
	More    bool     `json:"more"` // the list goes on beyond its limit
}

// Action is what a wallet agreed to do, and how far it has come.
type Action struct {
	Window   chain.Height    `json:"window"` // coordination block
	Wallet   chain.WalletID  `json:"wallet"`
	Action   string          `json:"action"`
	Proposal json.RawMessage `json:"proposal"`
	Order
}

// newAction shows a stored action.
func newAction(a store.Action) Action {
	return Action{a.Window, a.Wallet, kindName(a.Proposal), fields(a.Proposal), newOrder(a)}
}

// Proposals is a list of agreed proposals, newest window first.
type Proposals struct {
	Proposals []Proposal `json:"proposals"`
	More      bool       `json:"more"` // the list goes on beyond its limit
}

// Proposal is what a wallet agreed on in one window, a no-op included.
type Proposal struct {
	Window     chain.Height         `json:"window"` // coordination block
	Wallet     chain.WalletID       `json:"wallet"`
	Action     string               `json:"action"`
	Proposal   json.RawMessage      `json:"proposal"`
	Leader     *chain.Operator      `json:"leader"`
	Role       *coordination.Role   `json:"role"`
	ReceivedAt *chain.Height        `json:"received_block"`
	Reason     *coordination.Reason `json:"reason"`
	Outcome    *string              `json:"outcome"`        // of the action
	Pending    bool                 `json:"action_pending"` // the action has no outcome yet
}

// agreements are the reasons of windows that ended with a proposal.
var agreements = []coordination.Reason{coordination.ReasonOK, coordination.ReasonNoop}

// newProposal shows what was agreed in a window.
func newProposal(row store.WindowRow) Proposal {
	return Proposal{
		row.Block, row.Wallet, kindName(row.Proposal), fields(row.Proposal), pointer(row.Leader), pointer(row.Role),
		pointer(row.ReceivedAt), pointer(row.Reason), pointer(row.Outcome), row.Pending,
	}
}
