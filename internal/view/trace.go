package view

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal"
)

// Trace is all that is stored of one window.
type Trace struct {
	Window  chain.Height  `json:"window"` // coordination block
	Index   uint64        `json:"index"`
	Seed    chain.Height  `json:"seed_block"` // whose hash decides who leads
	Opened  *Opened       `json:"opened"`     // null if the window was not opened
	Missed  *Missed       `json:"missed"`     // null if it was not missed
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
	Checklist  []string        `json:"checklist"` // actions the leader might propose; empty if the seed is not known
	Proposal   json.RawMessage `json:"proposal"`  // null if nothing was agreed
	Own        *Own            `json:"own"`       // what this operator said as leader; null if it said nothing
	Statements []Statement     `json:"statements"`
	Faults     []Fault         `json:"faults"`
	Order      *Order          `json:"order"` // the action; null if there is none
}

// Own is what this operator said as leader.
type Own struct {
	Message  json.RawMessage `json:"message"`
	Envelope string          `json:"envelope"` // hex
	SentAt   chain.Height    `json:"sent_block"`
	SentTime *string         `json:"sent_at"` // to the millisecond; null if an earlier version stored it
}

// Statement is a signed message of another operator.
type Statement struct {
	Author     chain.Operator  `json:"author"`
	Seat       chain.Seat      `json:"seat"` // as claimed
	Message    json.RawMessage `json:"message"`
	Signed     string          `json:"signed"` // the signed message, hex
	ArrivedAt  chain.Height    `json:"arrived_block"`
	ReceivedAt string          `json:"received_at"` // to the millisecond
	Verdict    string          `json:"verdict"`     // accepted, impersonation, equivocation, mistake, late, open or not_accepted
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

// newTrace shows one window.
func newTrace(d store.WindowDetail) Trace {
	w, _ := coordination.RFC12().Window(d.Block)
	out := Trace{Window: d.Block, Index: w.Index, Seed: w.SeedBlock, Wallets: []WalletTrace{}}
	for _, wallet := range d.Wallets {
		out.Wallets = append(out.Wallets, newWalletTrace(w, wallet))
	}
	if o := d.Opened; o != nil {
		out.Opened = &Opened{o.At, o.Hash, Time(o.Time)}
	}
	if m := d.Missed; m != nil {
		out.Missed = &Missed{m.First, m.Last, m.Reason, m.NotedAt}
	}
	return out
}

func newWalletTrace(w coordination.Window, d store.WalletDetail) WalletTrace {
	out := WalletTrace{
		Window:     newWindow(d.WindowRow),
		Checklist:  []string{},
		Proposal:   fields(d.Proposal),
		Statements: each(d.Statements, func(s coordination.Statement) Statement { return newStatement(s, verdictOn(w, d, s)) }),
		Faults:     each(d.Records, newFault),
	}
	if d.Seed != [32]byte{} {
		out.Checklist = checklist(d.Seed, w.Index)
		out.Seed = pointer(hex.EncodeToString(d.Seed[:]))
	}
	if own := d.Own; own != nil {
		out.Own = &Own{message(own.Payload), hex.EncodeToString(own.Envelope), own.SentAt, pointer(moment(own.SentTime))}
	}
	if d.Action != nil {
		out.Order = new(newOrder(*d.Action))
	}
	return out
}

func newStatement(s coordination.Statement, verdict string) Statement {
	return Statement{s.Author, s.Seat, message(s.Payload), hex.EncodeToString(s.Signed), s.ArrivedAt, moment(s.ReceivedAt), verdict}
}

// verdictOn tells what became of a message, as far as its window's row says: the message that was agreed on was accepted, and
// why another one was not stands in the faults of its author.
func verdictOn(w coordination.Window, d store.WalletDetail, s coordination.Statement) string {
	found := func(kind faults.Kind) bool {
		return slices.ContainsFunc(d.Records, func(r faults.Record) bool { return r.Culprit == s.Author && r.Kind == kind })
	}
	switch {
	case found(faults.LeaderImpersonation):
		return "impersonation"
	case found(faults.LeaderEquivocation):
		return "equivocation"
	case d.Open:
		return "open" // not judged yet
	case d.Proposal != nil && s.Author == d.Leader && bytes.Equal(message(s.Payload), agreedMessage(d, s)):
		return "accepted"
	case s.ArrivedAt >= w.ActiveEnd:
		return "late"
	case found(faults.LeaderMistake):
		return "mistake"
	default:
		return "not_accepted" // it could not be checked, or another one came first
	}
}

// agreedMessage is what a statement would say if it were the one that was agreed on.
func agreedMessage(d store.WalletDetail, s coordination.Statement) []byte {
	return message(proposal.EncodeMessage(proposal.Message{Sender: s.Seat, Block: d.Block, Wallet: d.Wallet, Proposal: d.Proposal}))
}

func newOrder(a store.Action) Order {
	return Order{a.Start, a.Expiry, pointer(a.StartedAt), pointer(a.FinishedAt), pointer(a.Outcome), a.Detail, a.Revoked}
}
