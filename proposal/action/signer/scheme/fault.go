package scheme

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/walletnode/walletnode/chain"
)

// Fault says that a session was broken, and by whom as far as that is certain. The session is over.
type Fault struct {
	// Culprits broke it; ascending. Nobody else can have, given that each message was really made by the seat that it is said to
	// be from, and that all that a seat has made was handed to Round.
	Culprits []chain.Seat
	// Differ are the seats that saw other broadcasts than this one did. Somebody sent two different ones, or these seats lie.
	// The fault names no culprit then: who keeps what was signed and compares it finds one.
	Differ []chain.Seat
	Err    error
}

// Error implements error.
func (f *Fault) Error() string {
	switch {
	case len(f.Culprits) > 0:
		return fmt.Sprintf("seats %s broke the session: %v", seatList(f.Culprits), f.Err)
	case len(f.Differ) > 0:
		return fmt.Sprintf("seats %s saw other broadcasts: %v", seatList(f.Differ), f.Err)
	default:
		return fmt.Sprintf("the session failed: %v", f.Err)
	}
}

// Unwrap returns what went wrong.
func (f *Fault) Unwrap() error { return f.Err }

// errSplit is the cause of a fault that is about different broadcasts.
var errSplit = errors.New("not all seats saw the same broadcasts")

// errOver says that a party has a result, or has failed, and takes no more messages.
var errOver = errors.New("the session is over")

// errUnfinished says that a party has no result yet.
var errUnfinished = errors.New("the session has no result yet")

func seatList(seats []chain.Seat) string {
	names := make([]string, len(seats))
	for i, s := range seats {
		names[i] = fmt.Sprint(s)
	}
	return strings.Join(names, ", ")
}

func sorted(seats []chain.Seat) []chain.Seat {
	slices.Sort(seats)
	return slices.Compact(seats)
}
