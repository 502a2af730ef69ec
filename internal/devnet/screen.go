package devnet

import (
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/proposal/action/signer"
	"github.com/walletnode/walletnode/proposal/action/signer/signing"
)

// Screen shows a devnet to whoever started it. Height is called from another goroutine than the rest; no method may
// block.
type Screen interface {
	// Note is called before Start with what is done until then, where that takes a while.
	Note(text string)
	// Start is called once, before the first window.
	Start(Intro)
	// Height is called for every block.
	Height(chain.Height)
	// Window is called when a window has ended and was judged.
	Window(Report)
	// End is called once, last.
	End(Summary)
}

// Intro is what there is to know at the start.
type Intro struct {
	Scenario  Scenario
	Dir       string
	Operators []Member
	Instances []Member // of the first operator, if it has any beside a node
	Board     string   // URL of the dashboard of the devnet's own nodes; empty if the instances have theirs
	Token     string   // file with the word that the instances' APIs and dashboards ask for
	Wallets   []chain.Wallet
	Guests    []Guest
}

// Guest is an operator whose node somebody else runs, with the wallet it holds seats of.
type Guest struct {
	Operator chain.Operator
	Wallet   chain.Wallet
}

// Member is one operator with its node's data directory.
type Member struct {
	Operator chain.Operator
	Dir      string
	Board    string // URL of an instance's dashboard
	API      string // URL of an instance's API, where the dashboard is, too, at /dashboard/
}

// Report is how one window ended.
type Report struct {
	Window      coordination.Window
	Took        time.Duration // real time from its first block until it was judged
	Rows        []Row         // nodes in the order of the operators, wallets in the order of the stores
	Differences []string
	Strikes     []Strike // what befell instances, in a chaos run
	Round       *Round   // what became of it; nil if nothing was to strike
}

// Row is one node's view of one wallet's window, in the form of the command's JSON lines. Nil is what is not known:
// a node that did not run has no role in the window, and knows no leader.
type Row struct {
	Event         string             `json:"event"` // "window"
	Operator      chain.Operator     `json:"operator"`
	Wallet        chain.WalletID     `json:"wallet"`
	Window        chain.Height       `json:"window"` // coordination block
	Role          *coordination.Role `json:"role"`
	Leader        *chain.Operator    `json:"leader"`
	Reason        *string            `json:"reason"`
	Action        *string            `json:"action"` // what was agreed on
	Faults        []Accusation       `json:"faults"`
	ReceivedBlock *chain.Height      `json:"received_block"`
	Outcome       *string            `json:"outcome,omitempty"`     // of the action, where there are signers
	Transaction   *string            `json:"transaction,omitempty"` // that was signed: its ID
}

// Accusation is one fault of a Row.
type Accusation struct {
	Kind       faults.Kind    `json:"kind"`
	Culprit    chain.Operator `json:"culprit"`
	Attributed bool           `json:"attributed"`
}

// Summary is how the whole run ended, in the form of the command's last JSON line.
type Summary struct {
	Event       string   `json:"event"` // "summary"
	Scenario    string   `json:"scenario"`
	Windows     int      `json:"windows"`
	Results     int      `json:"results"`  // rows of all windows
	Expected    bool     `json:"expected"` // the judge is satisfied
	Differences []string `json:"differences"`
	Chaos       *Round   `json:"chaos,omitempty"` // of all windows, in a chaos run
}

// maxDifferences bounds what a run without end can gather. The first differences tell the most.
const maxDifferences = 1000

// add counts a window.
func (s *Summary) add(r Report) {
	s.Windows++
	s.Results += len(r.Rows)
	if r.Round != nil {
		if s.Chaos == nil {
			s.Chaos = new(Round)
		}
		s.Chaos.add(*r.Round)
	}
	room := maxDifferences - len(s.Differences)
	s.Differences = append(s.Differences, r.Differences[:min(room, len(r.Differences))]...)
}

// rowsOf returns one row for each wallet in which the operator has a seat, whatever the node recorded.
func rowsOf(w coordination.Window, wallets []chain.Wallet, n nodeFacts) []Row {
	var rows []Row
	for _, wallet := range wallets {
		if !wallet.Holds(n.Operator) {
			continue
		}
		row := Row{Event: "window", Operator: n.Operator, Wallet: wallet.ID(), Window: w.Block, Faults: []Accusation{}}
		if missed := n.Detail.Missed; missed != nil {
			row.Reason = known(string(missed.Reason))
		}
		for _, d := range n.Detail.Wallets {
			if d.Wallet == wallet.ID() {
				row.fill(d)
			}
		}
		row.sign(n)
		rows = append(rows, row)
	}
	return rows
}

func (r *Row) fill(d store.WalletDetail) {
	r.Role, r.Leader = known(d.Role), known(d.Leader)
	r.Reason, r.ReceivedBlock = known(string(d.Reason)), known(d.ReceivedAt)
	if d.Proposal != nil {
		r.Action = known(d.Proposal.Kind().String())
	}
	for _, f := range d.Records {
		r.Faults = append(r.Faults, Accusation{f.Kind, f.Culprit, f.Attributed})
	}
}

// sign enters what became of the action on a devnet with signers.
func (r *Row) sign(n nodeFacts) {
	if !n.Signs {
		return
	}
	for _, d := range n.Detail.Wallets {
		if d.Wallet == r.Wallet && d.Action != nil {
			r.Outcome = known(d.Action.Outcome)
		}
	}
	if s := n.signed(r.Wallet); s.TxHash != (signer.Digest{}) {
		r.Transaction = known(signing.TxID(s.TxHash))
	}
}

// known returns a pointer to a value, nil for the zero value: that is how records say that something is not known.
func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
