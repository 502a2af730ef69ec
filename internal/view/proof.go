package view

import (
	"encoding/hex"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/compare"
	"github.com/walletnode/walletnode/faults/evidence/exchange"
)

// Proofs is a list of stored proofs, newest window first.
type Proofs struct {
	Proofs []StoredProof `json:"proofs"`
	More   bool          `json:"more"` // the list goes on beyond its limit
}

// StoredProof is what is known of a stored proof.
type StoredProof struct {
	ID       string           `json:"id"`
	Kind     evidence.Kind    `json:"kind"`
	Window   chain.Height     `json:"window"` // coordination block
	Wallet   *chain.WalletID  `json:"wallet"` // null if it is about an operator's heads, which are of all its wallets
	Culprit  chain.Operator   `json:"culprit"`
	Fault    *string          `json:"fault"`        // ID of the recorded fault that it proves; null if there is none
	From     *chain.Operator  `json:"from"`         // who told of it; null if it was found here
	StoredAt string           `json:"stored_at"`    // time
	Block    chain.Height     `json:"stored_block"` // the chain's height then
	Told     bool             `json:"told"`         // the others have it: it is announced no more
	Holders  []chain.Operator `json:"holders"`      // who is known to have it
	Bytes    int              `json:"bytes"`
}

// ProofDetail is a stored proof with what it says.
type ProofDetail struct {
	StoredProof
	Proof   Proof  `json:"proof"`
	Encoded string `json:"encoded"` // the proof itself, hex
}

// newStoredProof shows what is known of a stored proof.
func newStoredProof(p exchange.StoredProof) StoredProof {
	shown := StoredProof{
		ID: p.ID, Kind: p.Kind, Window: p.Slot.Window, Culprit: p.Slot.Operator, Fault: pointer(p.Fault),
		StoredAt: Time(p.StoredAt), Block: p.At, Told: p.Told, Holders: each(p.Holders, func(o chain.Operator) chain.Operator { return o }), Bytes: len(p.Encoded),
	}
	if p.Slot.Wallet != (chain.WalletID{}) {
		shown.Wallet = &p.Slot.Wallet
	}
	if !p.From.IsZero() {
		shown.From = &p.From
	}
	return shown
}

// newProofDetail shows a stored proof. One that cannot be decoded is an error: it was verified before it was stored.
func newProofDetail(p exchange.StoredProof) (ProofDetail, error) {
	decoded, err := evidence.Decode(p.Encoded)
	if err != nil {
		return ProofDetail{}, fmt.Errorf("proof %s of the store: %w", p.ID, err)
	}
	return ProofDetail{newStoredProof(p), NewProof(decoded), hex.EncodeToString(p.Encoded)}, nil
}

// Comparison is what a comparison of histories with another operator came to; docs/schemas/comparison.json describes it.
type Comparison struct {
	Operator   chain.Operator `json:"operator"` // whom it was made with
	Window     chain.Height   `json:"window"`   // of the heads that were compared
	Head       *SignedHead    `json:"head"`     // the other one's; null if it was not received
	Findings   []Difference   `json:"findings"`
	Complete   bool           `json:"complete"`        // all differences were looked into
	Refusal    *string        `json:"refusal"`         // why it was broken off; null if it was not
	Rounds     int            `json:"rounds"`          // requests that were answered
	Bytes      int            `json:"bytes"`           // of requests and answers, both ways, without statements
	Statements int            `json:"statement_bytes"` // of statements, both ways
	Proofs     []string       `json:"proofs"`          // IDs of those that are stored
}

// Difference is one thing that the two attest differently.
type Difference struct {
	Kind      compare.Kind     `json:"kind"`
	Wallet    chain.WalletID   `json:"wallet"`
	Window    chain.Height     `json:"window"`    // coordination block
	Mine      *Attested        `json:"mine"`      // null if nothing is attested here
	Theirs    *Attested        `json:"theirs"`    // null if nothing is attested there
	Statement *SignedStatement `json:"statement"` // what fills our gap; null if nothing does
	Proof     *string          `json:"proof"`     // ID; null if nothing is proved
}

// Attested is what an operator attests of a wallet's window.
type Attested struct {
	Status    string          `json:"status"`
	Leader    *chain.Operator `json:"leader"`    // null if it does not know who led
	Sender    *chain.Operator `json:"sender"`    // who signed the statement; null if there is none
	Statement *string         `json:"statement"` // its digest; null if there is none, or two
}

// NewComparison shows what a comparison came to, and what ended it early.
func NewComparison(r exchange.Report, err error) Comparison {
	shown := Comparison{
		Operator: r.Peer, Window: r.Window, Findings: each(r.Findings, newDifference), Complete: r.Complete,
		Rounds: r.Traffic.Rounds, Bytes: r.Traffic.Bytes, Statements: r.Traffic.Statements, Proofs: append([]string{}, r.Proofs...),
	}
	if !r.Head.Operator.IsZero() {
		head := newSignedHead(r.Head)
		shown.Head = &head
	}
	if err != nil {
		shown.Refusal = pointer(err.Error())
	}
	return shown
}

func newDifference(f compare.Finding) Difference {
	d := Difference{Kind: f.Kind, Wallet: f.Wallet, Window: f.Window, Mine: newAttested(f.Mine), Theirs: newAttested(f.Theirs)}
	if f.Statement != nil {
		s := newSignedStatement(*f.Statement)
		d.Statement = &s
	}
	if f.Proof != nil {
		d.Proof = pointer(f.Proof.ID())
	}
	return d
}

func newAttested(e *evidence.Entry) *Attested {
	if e == nil {
		return nil
	}
	a := Attested{Status: e.Status.String()}
	if !e.Leader.IsZero() {
		a.Leader = &e.Leader
	}
	if !e.Sender.IsZero() {
		a.Sender = &e.Sender
	}
	if e.Statement != [32]byte{} {
		a.Statement = pointer(hex.EncodeToString(e.Statement[:]))
	}
	return &a
}
