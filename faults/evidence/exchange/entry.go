package exchange

import (
	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
)

// Heard is what is on record of a wallet's window when it is over.
type Heard struct {
	Slot
	Leader chain.Operator // zero if it is not known who led
	Said   []Saying       // in any order; this operator's own among them
	// Acted says that something was agreed to be done or asked of the wallet's signers: whatever it was rests on the
	// leader's word.
	Acted bool
}

// Saying is one statement.
type Saying struct {
	Sender chain.Operator
	Digest [32]byte // evidence.Statement.Digest
	InTime bool     // it was heard before the active phase was over
}

// Entry is what an honest operator attests of it; false if nothing. Only the leader's word counts. Where nobody here knows who
// led, it is that of the only one who spoke, and of several nothing can be said.
//
// None and Late bar this operator from acting on the window, so nothing that was acted on becomes one of them: without a
// statement on record nothing is attested then.
func (h Heard) Entry() (evidence.Entry, bool) {
	e := evidence.Entry{Wallet: h.Wallet, Window: h.Window, Leader: h.Leader}
	speaker := h.Leader
	for _, s := range h.Said {
		if h.Leader.IsZero() && !speaker.IsZero() && s.Sender != speaker {
			return evidence.Entry{}, false
		}
		if speaker.IsZero() {
			speaker = s.Sender
		}
	}
	inTime, said, twice := false, false, false
	for _, s := range h.Said {
		if s.Sender != speaker {
			continue
		}
		twice = twice || said && s.Digest != e.Statement
		inTime = inTime || s.InTime
		said, e.Sender, e.Statement = true, s.Sender, s.Digest
	}
	switch {
	case twice:
		e.Status, e.Statement = evidence.Twice, [32]byte{}
	case said && (inTime || h.Acted):
		e.Status = evidence.Said
	case said:
		e.Status = evidence.Late
	case h.Acted:
		return evidence.Entry{}, false
	}
	return e, true
}
