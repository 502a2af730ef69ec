package placement

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// CallBounds are the upper bounds of the ranges in which calls are counted by how long they took: from a call within the
// process to a round of a key generation with a hundred seats.
var CallBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second, 20 * time.Second, time.Minute,
}

// Calls counts what a backend was asked, since the start.
type Calls struct {
	Count, Failed uint64 // Failed: it could not be asked, or did not work; refusals are answers
	Sum           time.Duration
	Within        [len(CallBounds)]uint64 // calls that took CallBounds[i] at most
	Signatures    uint64                  // signing sessions that came to a signature
}

// tally counts calls.
type tally struct {
	mu sync.Mutex
	Calls
}

func (t *tally) observe(took time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Count++
	t.Sum += took
	for i, bound := range CallBounds {
		if took <= bound {
			t.Within[i]++
		}
	}
	if worksNot(err) {
		t.Failed++
	}
}

func (t *tally) signature() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Signatures++
}

func (t *tally) read() Calls {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Calls
}

// answers are errors by which a backend that works says no.
var answers = []error{
	signer.ErrUnknownKey, signer.ErrUnknownSession, signer.ErrConflict, signer.ErrSessionGone, signer.ErrFrozen,
}

// worksNot reports whether an error says that a backend does not work, rather than that it refused.
func worksNot(err error) bool {
	var refused *signer.Refused
	if err == nil || errors.As(err, &refused) {
		return false
	}
	return !slices.ContainsFunc(answers, func(answer error) bool { return errors.Is(err, answer) })
}
