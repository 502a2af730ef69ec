package main

import (
	"encoding/hex"
	"encoding/json"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
)

// windowJSON is one wallet's window for tools, or a range of missed windows. What is not known is null.
type windowJSON struct {
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

func newWindowJSON(row store.WindowRow) windowJSON {
	if m := row.Missed; m != nil {
		return windowJSON{State: "missed", Window: m.Last, FirstWindow: &m.First, Reason: &m.Reason}
	}
	state := "finished"
	if row.Open {
		state = "open"
	}
	return windowJSON{
		State:      state,
		Window:     row.Block,
		Wallet:     &row.Wallet,
		Role:       pointer(row.Role),
		Leader:     known(row.Leader),
		Reason:     pointer(row.Reason),
		Detail:     row.Detail,
		Action:     pointer(actionName(row)),
		OpenedAt:   pointer(row.OpenedAt),
		ReceivedAt: pointer(row.ReceivedAt),
		RecordedAt: pointer(rfc3339(row.RecordedAt)),
		Faults:     row.Faults,
		Attributed: row.Attributed,
		Outcome:    pointer(row.Outcome),
		Pending:    row.Pending,
	}
}

// windowDetailJSON is all of one window for tools.
type windowDetailJSON struct {
	Window  chain.Height       `json:"window"`
	Index   uint64             `json:"index"`
	Opened  *openedJSON        `json:"opened"` // null if the window was not opened
	Missed  *missedJSON        `json:"missed"` // null if it was not missed
	Wallets []walletDetailJSON `json:"wallets"`
}

type openedJSON struct {
	At   chain.Height `json:"block"`
	Hash chain.Hash   `json:"coordination_block_hash"`
	Time string       `json:"time"`
}

type missedJSON struct {
	First   chain.Height        `json:"first_window"`
	Last    chain.Height        `json:"last_window"`
	Reason  coordination.Reason `json:"reason"`
	NotedAt chain.Height        `json:"noted_block"`
}

// walletDetailJSON adds to a wallet's row what was said, what was wrong and what was done.
type walletDetailJSON struct {
	windowJSON
	Seed       *string         `json:"seed"`
	Proposal   json.RawMessage `json:"proposal"` // null if nothing was agreed
	Own        *ownJSON        `json:"own"`      // what this operator said as leader
	Statements []statementJSON `json:"statements"`
	Faults     []faultJSON     `json:"faults"`
	Order      *orderJSON      `json:"order"` // the action; null if there is none
}

type ownJSON struct {
	Message  json.RawMessage `json:"message"`
	Envelope string          `json:"envelope"` // hex
	SentAt   chain.Height    `json:"sent_block"`
}

type statementJSON struct {
	Author     chain.Operator  `json:"author"`
	Seat       chain.Seat      `json:"seat"` // as claimed
	Message    json.RawMessage `json:"message"`
	Signed     string          `json:"signed"` // the signed message, hex
	ArrivedAt  chain.Height    `json:"arrived_block"`
	ReceivedAt string          `json:"received_at"`
}

type orderJSON struct {
	Start      chain.Height  `json:"start_block"`
	Expiry     chain.Height  `json:"expiry_block"`
	StartedAt  *chain.Height `json:"started_block"`
	FinishedAt *chain.Height `json:"finished_block"`
	Outcome    *string       `json:"outcome"`
	Detail     string        `json:"detail"`
	Revoked    bool          `json:"revoked"`
}

func newWindowDetailJSON(d store.WindowDetail) windowDetailJSON {
	w, _ := coordination.RFC12().Window(d.Block)
	out := windowDetailJSON{Window: d.Block, Index: w.Index, Wallets: []walletDetailJSON{}}
	if o := d.Opened; o != nil {
		out.Opened = &openedJSON{o.At, o.Hash, rfc3339(o.Time)}
	}
	if m := d.Missed; m != nil {
		out.Missed = &missedJSON{m.First, m.Last, m.Reason, m.NotedAt}
	}
	for _, wallet := range d.Wallets {
		out.Wallets = append(out.Wallets, newWalletDetailJSON(wallet))
	}
	return out
}

func newWalletDetailJSON(d store.WalletDetail) walletDetailJSON {
	out := walletDetailJSON{
		windowJSON: newWindowJSON(d.WindowRow),
		Proposal:   proposalJSON(d.Proposal),
		Statements: []statementJSON{},
		Faults:     []faultJSON{},
	}
	if d.Seed != [32]byte{} {
		out.Seed = pointer(hex.EncodeToString(d.Seed[:]))
	}
	if own := d.Own; own != nil {
		out.Own = &ownJSON{messageJSON(own.Payload), hex.EncodeToString(own.Envelope), own.SentAt}
	}
	for _, s := range d.Statements {
		out.Statements = append(out.Statements, statementJSON{
			s.Author, s.Seat, messageJSON(s.Payload), hex.EncodeToString(s.Signed), s.ArrivedAt, rfc3339(s.ReceivedAt),
		})
	}
	for _, record := range d.Records {
		out.Faults = append(out.Faults, newFaultJSON(record))
	}
	if a := d.Action; a != nil {
		out.Order = &orderJSON{
			a.Start, a.Expiry, pointer(a.StartedAt), pointer(a.FinishedAt), pointer(a.Outcome), a.Detail, a.Revoked,
		}
	}
	return out
}

// messageJSON writes a stored coordination message as message decode does. One that cannot be decoded is null: the
// signed bytes beside it tell the rest.
func messageJSON(payload []byte) json.RawMessage {
	m, err := proposal.DecodeMessage(payload)
	if err != nil {
		return json.RawMessage("null")
	}
	out, err := proposal.MarshalMessageJSON(m)
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

// proposalJSON writes the fields of a proposal, null for none.
func proposalJSON(p proposal.Proposal) json.RawMessage {
	var fields struct {
		Proposal json.RawMessage `json:"proposal"`
	}
	if p == nil {
		return json.RawMessage("null")
	}
	out, err := proposal.MarshalMessageJSON(proposal.Message{Proposal: p})
	if err != nil || json.Unmarshal(out, &fields) != nil {
		return json.RawMessage("null")
	}
	return fields.Proposal
}
