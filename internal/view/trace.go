package view

import (
	"encoding/hex"
	"encoding/json"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/internal/store"
)

// Trace is all that is stored of one window.
type Trace struct {
	Window  chain.Height  `json:"window"` // coordination block
	Index   uint64        `json:"index"`
	Opened  *Opened       `json:"opened"` // null if the window was not opened
	Missed  *Missed       `json:"missed"` // null if it was not missed
	Wallets []WalletTrace `json:"wallets"`
}

// Opened is how a window was opened.
type Opened struct {
	At   chain.Height `json:"block"`
	Hash chain.Hash   `json:"coordination_block_hash"`
	Time string       `json:"time"`
}

// Missed is the range of missed windows that a window lies in.
type Missed struct {
	First   chain.Height        `json:"first_window"`
	Last    chain.Height        `json:"last_window"`
	Reason  coordination.Reason `json:"reason"`
	NotedAt chain.Height        `json:"noted_block"`
}

// WalletTrace adds to a wallet's row what was said, what was wrong and what was done.
type WalletTrace struct {
	Window
	Seed       *string         `json:"seed"`
	Proposal   json.RawMessage `json:"proposal"` // null if nothing was agreed
	Own        *Own            `json:"own"`      // what this operator said as leader; null if it said nothing
	Statements []Statement     `json:"statements"`
	Faults     []Fault         `json:"faults"`
	Order      *Order          `json:"order"` // the action; null if there is none
}

// Own is what this operator said as leader.
type Own struct {
	Message  json.RawMessage `json:"message"`
	Envelope string          `json:"envelope"` // hex
	SentAt   chain.Height    `json:"sent_block"`
}

// Statement is a signed message of another operator.
type Statement struct {
	Author     chain.Operator  `json:"author"`
	Seat       chain.Seat      `json:"seat"` // as claimed
	Message    json.RawMessage `json:"message"`
	Signed     string          `json:"signed"` // the signed message, hex
	ArrivedAt  chain.Height    `json:"arrived_block"`
	ReceivedAt string          `json:"received_at"`
}

// Order is how far an action has come.
type Order struct {
	Start      chain.Height  `json:"start_block"`
	Expiry     chain.Height  `json:"expiry_block"`
	StartedAt  *chain.Height `json:"started_block"`
	FinishedAt *chain.Height `json:"finished_block"`
	Outcome    *string       `json:"outcome"`
	Detail     string        `json:"detail"`
	Revoked    bool          `json:"revoked"`
}

// NewTrace shows one window.
func NewTrace(d store.WindowDetail) Trace {
	w, _ := coordination.RFC12().Window(d.Block)
	out := Trace{Window: d.Block, Index: w.Index, Wallets: each(d.Wallets, newWalletTrace)}
	if o := d.Opened; o != nil {
		out.Opened = &Opened{o.At, o.Hash, Time(o.Time)}
	}
	if m := d.Missed; m != nil {
		out.Missed = &Missed{m.First, m.Last, m.Reason, m.NotedAt}
	}
	return out
}

func newWalletTrace(d store.WalletDetail) WalletTrace {
	out := WalletTrace{
		Window:     NewWindow(d.WindowRow),
		Proposal:   fields(d.Proposal),
		Statements: each(d.Statements, newStatement),
		Faults:     each(d.Records, NewFault),
	}
	if d.Seed != [32]byte{} {
		out.Seed = pointer(hex.EncodeToString(d.Seed[:]))
	}
	if own := d.Own; own != nil {
		out.Own = &Own{message(own.Payload), hex.EncodeToString(own.Envelope), own.SentAt}
	}
	if d.Action != nil {
		out.Order = new(newOrder(*d.Action))
	}
	return out
}

func newStatement(s coordination.Statement) Statement {
	return Statement{s.Author, s.Seat, message(s.Payload), hex.EncodeToString(s.Signed), s.ArrivedAt, Time(s.ReceivedAt)}
}

func newOrder(a store.Action) Order {
	return Order{a.Start, a.Expiry, pointer(a.StartedAt), pointer(a.FinishedAt), pointer(a.Outcome), a.Detail, a.Revoked}
}
