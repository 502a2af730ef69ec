package view

import (
	"cmp"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
)

// heatWindows is how many windows a heatmap shows: a week of them.
const heatWindows = 56

// Board is all that the dashboard shows, in two parts that age apart: what the process knows at any moment, and what was
// last read of the store.
type Board struct {
	Live    Live         `json:"live"`
	Records BoardRecords `json:"records"`
}

// Live is what an instance knows without asking its store.
type Live struct {
	Operator chain.Operator `json:"operator"`
	Self     string         `json:"self"` // the instance that tells; empty if it is the only one
	Version  string         `json:"version"`
	State    string         `json:"state"` // of this process: starting, syncing, active, draining or stopped
	Head     *Head          `json:"head"`  // null before the first
	Window   *Phase         `json:"window"`
	// InSeconds is how long what is left of the phase takes, by the time recent blocks took.
	InSeconds int64 `json:"phase_seconds"`
	// Next is the window that begins next, SeedIn how many blocks are missing until its leaders are known.
	Next      chain.Height `json:"next_window"`
	NextIn    chain.Height `json:"next_in_blocks"`
	SeedIn    chain.Height `json:"seed_in_blocks"`
	Instances Instances    `json:"instances"`
	Peers     []Peer       `json:"peers"`
	Endpoints *Endpoints   `json:"endpoints"` // null if there is one chain endpoint alone
	// Signers is null if the node has none.
	Signers *BoardSigners `json:"signers"`
	// RecordsMS is how long ago the records were last known to be the newest, and RecordsVersion grows with each change of
	// them.
	RecordsMS      int64  `json:"records_age_ms"`
	RecordsVersion uint64 `json:"records_version"`
	Trouble        string `json:"trouble"` // why the records cannot be read; empty if they can
}

// BoardRecords is what the dashboard shows of the store.
type BoardRecords struct {
	Version uint64        `json:"version"` // 0 before anything was read
	Wallets []BoardWallet `json:"wallets"`
	Heat    Heat          `json:"heat"`
	Faults  []BoardFault  `json:"faults"` // newest first
}

// BoardWallet is a wallet that part is taken in, in the present window and the next.
type BoardWallet struct {
	Wallet    chain.WalletID `json:"wallet"`
	Seats     int            `json:"seats"`
	OwnSeats  int            `json:"own_seats"`
	Operators int            `json:"operators"` // that hold its seats
	// Leader leads the present window, NextLeader the next; null while that is not known.
	Leader     *chain.Operator `json:"leader"`
	NextLeader *chain.Operator `json:"next_leader"`
	// State is that of the present window, open or finished, and Reason how it ended; null if there is nothing yet.
	State  *string              `json:"state"`
	Reason *coordination.Reason `json:"reason"`
	Action *string              `json:"action"`
	// Outcome is what became of the present window's action; null if there is none, or nothing is known of it yet.
	Outcome *string `json:"outcome"`
	Halted  string  `json:"halted"` // why the wallet is stopped; empty if it is not
}

// BoardFault is a fault without its evidence, which the window's record has.
type BoardFault struct {
	ID         string         `json:"id"`
	Window     chain.Height   `json:"window"`
	Wallet     chain.WalletID `json:"wallet"`
	Kind       faults.Kind    `json:"kind"`
	Culprit    chain.Operator `json:"culprit"`
	Attributed bool           `json:"attributed"`
	Late       bool           `json:"late"`
	Detail     string         `json:"detail"`
	RecordedAt string         `json:"recorded_at"`
}

// NewBoardFault shows a stored fault.
func NewBoardFault(r faults.Record) BoardFault {
	return BoardFault{r.ID, r.Window, r.Wallet, r.Kind, r.Culprit, r.Attributed, r.Late, r.Detail, Time(r.StoredAt)}
}

// NewBoardFaults shows stored faults.
func NewBoardFaults(records []faults.Record) []BoardFault { return each(records, NewBoardFault) }

// NewBoardWallet shows a wallet before anything is known of its windows.
func NewBoardWallet(w chain.Wallet, self chain.Operator) BoardWallet {
	return BoardWallet{Wallet: w.ID(), Seats: len(w.Roster()), OwnSeats: len(w.SeatsOf(self)), Operators: len(w.Operators())}
}

// Heat is what was seen of each operator in the last windows.
type Heat struct {
	Windows   []chain.Height   `json:"windows"`   // coordination blocks, oldest first
	Operators []chain.Operator `json:"operators"` // the own one first, the others by address
	Cells     []HeatCell       `json:"cells"`     // those with something to show
}

// HeatCell is one operator in one window, all wallets together.
type HeatCell struct {
	Operator int       `json:"operator"` // index
	Window   int       `json:"window"`   // index
	State    HeatState `json:"state"`    // the gravest of what is counted below
	Led      int       `json:"led"`      // wallets in which it led as it should
	Idle     int       `json:"idle"`
	Mistakes int       `json:"mistakes"`
	Stole    int       `json:"impersonations"`
	TwoFaced int       `json:"equivocations"`
	Blind    int       `json:"blind"` // wallets in which we could not see, or could not tell
}

// HeatState sums a cell up.
type HeatState string

// The states of a cell, the gravest last.
const (
	HeatLed           HeatState = "led"
	HeatBlind         HeatState = "blind"
	HeatIdle          HeatState = "idle"
	HeatMistake       HeatState = "mistake"
	HeatEquivocation  HeatState = "equivocation"
	HeatImpersonation HeatState = "impersonation"
)

func (c HeatCell) gravest() HeatState {
	switch {
	case c.Stole > 0:
		return HeatImpersonation
	case c.TwoFaced > 0:
		return HeatEquivocation
	case c.Mistakes > 0:
		return HeatMistake
	case c.Idle > 0:
		return HeatIdle
	case c.Blind > 0:
		return HeatBlind
	}
	return HeatLed
}

// heatBuilder gathers counts by operator and window.
type heatBuilder struct {
	heat  Heat
	at    map[chain.Height]int
	of    map[chain.Operator]int
	cells map[[2]int]*HeatCell
}

func (b *heatBuilder) cell(op chain.Operator, window chain.Height) *HeatCell {
	w, shown := b.at[window]
	o, known := b.of[op]
	if !shown || !known {
		return &HeatCell{} // it is not shown, and what is counted in it is forgotten
	}
	key := [2]int{o, w}
	if b.cells[key] == nil {
		b.cells[key] = &HeatCell{Operator: o, Window: w}
	}
	return b.cells[key]
}

// LastWindows returns the heatWindows coordination blocks up to and including newest, oldest first.
func LastWindows(newest chain.Height) []chain.Height {
	step := coordination.RFC12().Frequency
	list := []chain.Height{}
	for block := newest - newest%step; block > 0 && len(list) < heatWindows; block -= step {
		list = append(list, block)
	}
	slices.Reverse(list)
	return list
}

// NewHeat builds the heatmap of the last windows. operators are those of the wallets; self comes first. A window that we
// missed altogether is one in which we were blind to everybody, and so is one of whose leader nothing could be said.
func NewHeat(windows []chain.Height, operators []chain.Operator, self chain.Operator, tally store.Tally) Heat {
	b := heatBuilder{
		heat: Heat{Windows: windows, Operators: inOrder(operators, self, tally), Cells: []HeatCell{}},
		at:   map[chain.Height]int{}, of: map[chain.Operator]int{}, cells: map[[2]int]*HeatCell{},
	}
	for i, w := range windows {
		b.at[w] = i
	}
	for i, op := range b.heat.Operators {
		b.of[op] = i
	}
	for _, ended := range tally.Results {
		switch ended.Reason {
		case coordination.ReasonOK, coordination.ReasonNoop, coordination.ReasonGenerationFailed:
			b.cell(ended.Leader, ended.Block).Led += ended.Wallets
		case coordination.ReasonLeaderIdle, coordination.ReasonLeaderMistake, coordination.ReasonLeaderImpersonation,
			coordination.ReasonLeaderEquivocation: // told by the fault
		default:
			b.cell(ended.Leader, ended.Block).Blind += ended.Wallets
		}
	}
	for _, f := range tally.Faults {
		c := b.cell(f.Culprit, f.Block)
		switch {
		case !f.Attributed:
			c.Blind += f.Wallets
		case f.Kind == faults.LeaderIdle:
			c.Idle += f.Wallets
		case f.Kind == faults.LeaderMistake:
			c.Mistakes += f.Wallets
		case f.Kind == faults.LeaderEquivocation:
			c.TwoFaced += f.Wallets
		case f.Kind == faults.LeaderImpersonation:
			c.Stole += f.Wallets
		}
	}
	for _, m := range tally.Missed {
		for _, w := range windows {
			if w < m.First || w > m.Last {
				continue
			}
			for _, op := range b.heat.Operators {
				b.cell(op, w).Blind++
			}
		}
	}
	for _, c := range b.cells {
		c.State = c.gravest()
		b.heat.Cells = append(b.heat.Cells, *c)
	}
	slices.SortFunc(b.heat.Cells, func(x, y HeatCell) int {
		return cmp.Or(cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Window, y.Window))
	})
	return b.heat
}

// inOrder returns the operators of the wallets and those that faults name, each once.
func inOrder(operators []chain.Operator, self chain.Operator, tally store.Tally) []chain.Operator {
	list := append([]chain.Operator{}, operators...) // never null
	for _, f := range tally.Faults {
		list = append(list, f.Culprit)
	}
	for _, r := range tally.Results {
		list = append(list, r.Leader)
	}
	list = slices.DeleteFunc(list, chain.Operator.IsZero)
	slices.SortFunc(list, func(a, b chain.Operator) int {
		if (a == self) != (b == self) {
			if a == self {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.String(), b.String())
	})
	return slices.Compact(list)
}
