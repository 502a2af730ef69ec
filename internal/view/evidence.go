package view

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/proposal"
)

// EvidenceList is what is kept of faults that left signed messages, and the stored proofs, newest window first.
type EvidenceList struct {
	Evidence []Evidence    `json:"evidence"`
	Proofs   []StoredProof `json:"proofs"` // of which no fault is listed: what heads prove, and what others have told of
	More     bool          `json:"more"`   // the list goes on beyond its limit
}

// Evidence is what is kept of one fault.
type Evidence struct {
	Fault      string         `json:"fault"`  // ID
	Window     chain.Height   `json:"window"` // coordination block
	Wallet     chain.WalletID `json:"wallet"`
	Kind       faults.Kind    `json:"kind"`
	Culprit    chain.Operator `json:"culprit"`
	Attributed bool           `json:"attributed"`
	Messages   int            `json:"messages"` // signed ones that are kept
	Proof      bool           `json:"proof"`    // they prove the fault to anybody with the wallet's list of operators
	Why        *string        `json:"why"`      // they do not; null if they do
	ProofID    *string        `json:"proof_id"` // of the stored proof; null if there is none
}

// EvidenceDetail is one fault's evidence with what the messages say.
type EvidenceDetail struct {
	Evidence
	Statements []SignedStatement `json:"statements"` // of the messages that are a coordination message of their wallet's channel
}

// SignedStatement is one signed coordination message.
type SignedStatement struct {
	Operator chain.Operator  `json:"operator"` // who signed it
	Seat     chain.Seat      `json:"seat"`     // as claimed
	Sequence uint64          `json:"sequence"` // the envelope's; retransmissions repeat it
	Action   string          `json:"action"`
	Proposal json.RawMessage `json:"proposal"`
	Digest   string          `json:"digest"` // equal for equal statements
	Signed   string          `json:"signed"` // the signed message, hex
}

// newSignedStatement shows a statement.
func newSignedStatement(s evidence.Statement) SignedStatement {
	return SignedStatement{
		s.Operator, s.Seat, s.Sequence, kindName(s.Proposal), fields(s.Proposal), hex.EncodeToString(s.Digest[:]),
		hex.EncodeToString(s.Signed()),
	}
}

// Summary says in a line what a statement says, for people.
func (s SignedStatement) Summary() string {
	if s.Action == proposal.KindNoop.String() {
		return fmt.Sprintf("seat %d said %s", s.Seat, s.Action)
	}
	return fmt.Sprintf("seat %d said %s %s", s.Seat, s.Action, s.Proposal)
}

// NewEvidence shows what is kept of a fault, with the statements read from it. Messages that are no hex count as none.
func NewEvidence(f Fault) EvidenceDetail {
	detail := EvidenceDetail{
		Evidence:   Evidence{f.ID, f.Window, f.Wallet, f.Kind, f.Culprit, f.Attributed, len(f.Evidence), true, nil, f.Proof},
		Statements: []SignedStatement{},
	}
	fault := f.recorded()
	if _, err := evidence.OfFault(fault); err != nil {
		detail.Proof, detail.Why = false, pointer(err.Error())
	}
	for _, signed := range fault.Evidence {
		if s, err := evidence.ReadStatement(signed); err == nil {
			detail.Statements = append(detail.Statements, newSignedStatement(s))
		}
	}
	return detail
}

// recorded is the fault with its messages, as evidence is read from it.
func (f Fault) recorded() faults.Fault {
	fault := faults.Fault{
		Key: faults.Key{Wallet: f.Wallet, Window: f.Window, Kind: f.Kind, Culprit: f.Culprit}, Attributed: f.Attributed,
	}
	for _, text := range f.Evidence {
		if signed, err := hex.DecodeString(text); err == nil {
			fault.Evidence = append(fault.Evidence, signed)
		}
	}
	return fault
}

// NewEvidenceList merges lists of faults of different kinds with the stored proofs of other things, each newest window first, and cuts
// the result to a limit; 0 is none.
func NewEvidenceList(limit int, proofs Proofs, lists ...Faults) EvidenceList {
	type row struct {
		window chain.Height
		fault  *Fault
		proof  *StoredProof
	}
	var rows []row
	more := proofs.More
	listed := map[string]bool{}
	for _, list := range lists {
		for _, f := range list.Faults {
			rows = append(rows, row{f.Window, &f, nil})
			listed[f.ID] = true
		}
		more = more || list.More
	}
	for _, p := range proofs.Proofs {
		if p.Fault == nil || !listed[*p.Fault] {
			rows = append(rows, row{p.Window, nil, &p})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.window, a.window) })
	rows, beyond := cut(rows, limit)
	list := EvidenceList{[]Evidence{}, []StoredProof{}, more || beyond}
	for _, r := range rows {
		if r.fault != nil {
			list.Evidence = append(list.Evidence, NewEvidence(*r.fault).Evidence)
		} else {
			list.Proofs = append(list.Proofs, *r.proof)
		}
	}
	return list
}

// Proof is a decoded proof.
type Proof struct {
	ID         string            `json:"id"`
	Kind       evidence.Kind     `json:"kind"`
	Chain      uint64            `json:"chain"`  // of statements as its exporter claims, of heads as signed
	Wallet     *chain.WalletID   `json:"wallet"` // null if it is about an operator's heads, which are of all its wallets
	Window     chain.Height      `json:"window"` // coordination block
	Operator   chain.Operator    `json:"operator"`
	Statements []SignedStatement `json:"statements"`
	Heads      []SignedHead      `json:"heads"`
	Denied     *Denied           `json:"denied"` // null unless it is a denial
}

// SignedHead is what an operator attested after a window.
type SignedHead struct {
	ID       string         `json:"id"`
	Operator chain.Operator `json:"operator"` // who signed it
	Chain    uint64         `json:"chain"`
	Window   chain.Height   `json:"window"`   // coordination block
	Previous *string        `json:"previous"` // ID of the head it names as the one before; null where a chain begins
	Before   *chain.Height  `json:"before"`   // and that one's window
	Root     string         `json:"root"`
	Wallets  int            `json:"wallets"`
	Signed   string         `json:"signed"` // the signed message, hex
}

// Denied is what a head says of a leader, and who acted on the leader's word all the same.
type Denied struct {
	Status string          `json:"status"`
	Leader *chain.Operator `json:"leader"` // null if the head names none
	Led    bool            `json:"led"`    // the message is the leader's statement itself; else it is about a signature
	Intent *string         `json:"intent"` // what was to be signed, a digest; null if Led
	Signed string          `json:"signed"` // the message that contradicts the head, hex
}

// NewProof shows a proof.
func NewProof(p evidence.Proof) Proof {
	slot := p.Slot()
	shown := Proof{
		ID: p.ID(), Kind: p.Kind, Chain: p.Chain, Window: slot.Window, Operator: slot.Operator,
		Statements: each(p.Statements(), newSignedStatement), Heads: each(p.Heads(), newSignedHead),
	}
	if slot.Wallet != (chain.WalletID{}) {
		shown.Wallet = &slot.Wallet
	}
	if entry, quote, ok := p.Denied(); ok {
		shown.Denied = &Denied{Status: entry.Status.String(), Led: quote.Leading, Signed: hex.EncodeToString(quote.Signed())}
		if !entry.Leader.IsZero() {
			shown.Denied.Leader = &entry.Leader
		}
		if !quote.Leading {
			shown.Denied.Intent = pointer(hex.EncodeToString(quote.Intent[:]))
		}
	}
	return shown
}

func newSignedHead(h evidence.Head) SignedHead {
	id := h.ID()
	shown := SignedHead{
		ID: hex.EncodeToString(id[:]), Operator: h.Operator, Chain: h.Chain, Window: h.Window, Root: hex.EncodeToString(h.Root[:]),
		Wallets: h.Wallets, Signed: hex.EncodeToString(h.Signed()),
	}
	if before, chained := h.PreviousWindow(); chained {
		shown.Previous, shown.Before = pointer(hex.EncodeToString(h.Previous[:])), &before
	}
	return shown
}

// ProofVerdict is the answer of a verification; docs/schemas/verdict.json describes it.
type ProofVerdict struct {
	Verdict evidence.Verdict `json:"verdict"`
	Reason  *evidence.Reason `json:"reason"` // null if it is valid
	Detail  *string          `json:"detail"` // the reason in words; null if it is valid
	Proof   *Proof           `json:"proof"`  // null if it could not be decoded
}

// NewProofVerdict shows what evidence.Verify returned, or the error that kept it from being called.
func NewProofVerdict(p evidence.Proof, err error) ProofVerdict {
	verdict, reason := evidence.Judge(err)
	answer := ProofVerdict{Verdict: verdict, Reason: pointer(reason)}
	if err != nil {
		answer.Detail = pointer(err.Error())
	}
	if p.Kind != "" {
		proof := NewProof(p)
		answer.Proof = &proof
	}
	return answer
}
