package compare

import (
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
)

// Kind says what a difference comes to.
type Kind string

// The kinds. Contradiction is somebody's guilt, but of neither side; Denied is the peer's. All others are nobody's.
const (
	// Ours: a message did not reach us. It is in Statement, and fills the gap.
	Ours Kind = "ours"
	// Theirs: a message that reached us did not reach them. It is offered to them.
	Theirs Kind = "theirs"
	// Contradiction: an operator said one thing here and another there. It is proved.
	Contradiction Kind = "contradiction"
	// Denied: the peer attests that a leader was silent, and acted on the leader's word. It is proved.
	Denied Kind = "denied"
	// Same: both heard the same, or neither anything, and attest it differently: one heard it late, or does not know who led.
	Same Kind = "same"
	// Unshown: they attest a statement and do not show it. It may not be kept any more.
	Unshown Kind = "unshown"
)

// Finding is one difference.
type Finding struct {
	Kind   Kind
	Wallet chain.WalletID
	Window chain.Height
	Mine   *evidence.Entry // nil if nothing is attested here
	Theirs *evidence.Entry // nil if nothing is attested there
	// Statement is what fills our gap; of a wallet and window of which we attest nothing there is no gap to fill in a head.
	Statement *evidence.Statement
	Proof     *evidence.Proof // of Contradiction and Denied
}

// WeighOffered says what the statements that Respond returned are beside what is on record here, a finding for each wallet and
// window.
func WeighOffered(chainID uint64, ledger *heads.Ledger, shelf Shelf, offered []evidence.Statement) []Finding {
	var found []Finding
	for len(offered) > 0 {
		wallet, window := offered[0].Wallet, offered[0].Window
		elsewhere := func(s evidence.Statement) bool { return s.Wallet != wallet || s.Window != window }
		together := slices.DeleteFunc(slices.Clone(offered), elsewhere)
		offered = slices.DeleteFunc(slices.Clone(offered), func(s evidence.Statement) bool { return !elsewhere(s) })
		mine, ok := ledger.Entry(wallet, window)
		if !ok {
			mine = evidence.Entry{Wallet: wallet, Window: window}
		}
		f := weigh(chainID, mine, shelf, together)
		if !ok {
			f.Mine = nil
		}
		found = append(found, f)
	}
	return found
}

// weigh says what statements of another operator are beside what is on record here. Mine has wallet and window at least.
func weigh(chainID uint64, mine evidence.Entry, shelf Shelf, theirs []evidence.Statement) Finding {
	f := Finding{Kind: Same, Wallet: mine.Wallet, Window: mine.Window, Mine: &mine}
	heard := append([]evidence.Statement(nil), theirs...)
	for _, signed := range shelf.Statements(mine.Wallet, mine.Window) {
		if s, err := evidence.ReadStatement(signed); err == nil {
			heard = append(heard, s)
		}
	}
	for i, a := range heard {
		for _, b := range heard[i+1:] {
			if p, err := evidence.Prove(chainID, a, b); err == nil {
				f.Kind, f.Proof = Contradiction, &p
				return f
			}
		}
	}
	for _, s := range theirs {
		// What somebody else than the leader says fills no gap.
		if mine.Status == evidence.None && (mine.Leader.IsZero() || mine.Leader == s.Operator) {
			f.Kind, f.Statement = Ours, &s
		}
	}
	return f
}
