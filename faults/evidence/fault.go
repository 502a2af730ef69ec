package evidence

import (
	"errors"
	"fmt"

	"github.com/walletnode/walletnode/faults"
)

// ErrNoProof says that what is kept of a fault proves it to nobody else; the text around it says why.
var ErrNoProof = errors.New("not a proof")

// whyNot says of the kinds of faults that no message proves what they lack.
var whyNot = map[faults.Kind]string{
	faults.LeaderImpersonation: "one signed message shows who spoke; that somebody else led follows from the chain, and nobody signed that",
	faults.LeaderMistake:       "one signed message shows what was proposed; that it was wrong follows from the chain, and nobody signed that",
	faults.LeaderIdle:          "nobody signs that it stays silent",
}

// OfFault returns the two statements that prove a recorded fault. The fault's own word counts for nothing: they are read
// from the messages kept with it, and must be about the same wallet, window and operator. Errors are ErrNoProof.
func OfFault(f faults.Fault) ([2]Statement, error) {
	var both [2]Statement
	if f.Kind != faults.LeaderEquivocation {
		return both, fmt.Errorf("%w: %s", ErrNoProof, whyNot[f.Kind])
	}
	if n := len(f.Evidence); n != len(both) {
		return both, fmt.Errorf("%w: %d of the two signed messages are kept here", ErrNoProof, n)
	}
	for i, signed := range f.Evidence {
		s, err := ReadStatement(signed)
		if err != nil {
			return both, fmt.Errorf("%w: %w", ErrNoProof, err)
		}
		if want := (Slot{f.Wallet, f.Window, f.Culprit}); s.Slot != want {
			return both, fmt.Errorf("%w: the fault is about %v, a message kept with it about %v", ErrNoProof, want, s.Slot)
		}
		both[i] = s
	}
	if err := contradict(both[0], both[1]); err != nil {
		return both, fmt.Errorf("%w: %w", ErrNoProof, err)
	}
	return both, nil
}
