package scheme

import (
	"errors"
	"fmt"
	"slices"

	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/cmp"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Keygen is one seat's part in a key generation. It is not safe for concurrent use, and its state exists in memory only.
type Keygen struct {
	run    *run
	share  func(result any) (Share, error)
	public *frostPublic // of FROST: what this seat found, or another one of the backend before it
	got    *Share
}

// NewKeygen takes a seat into the generation of a key that threshold of the seats can sign with. The session's name must be
// another one for each generation, and the same for all seats.
func NewKeygen(scheme signer.Scheme, session []byte, self chain.Seat, seats []chain.Seat, threshold int) (*Keygen, error) {
	if err := checkGroup(session, self, seats, threshold); err != nil {
		return nil, fmt.Errorf("key generation: %w", err)
	}
	seats = slices.Clone(seats)
	var k Keygen
	var rounds protocolRounds
	var start protocol.StartFunc
	switch scheme {
	case signer.FROST:
		rounds, start = frostKeygen(threshold), frost.KeygenTaproot(idOf(self), idsOf(seats), threshold-1)
		k.share = func(result any) (s Share, err error) {
			s, k.public, err = frostShare(result, self, seats, threshold, k.public)
			return s, err
		}
	case signer.CMP:
		// No pool: two parties that share one deadlock, and one of its own can deadlock too.
		rounds, start = cmpKeygen(threshold), cmp.Keygen(curve.Secp256k1{}, idOf(self), idsOf(seats), threshold-1, nil)
		k.share = func(result any) (Share, error) { return cmpShare(result, self, seats, threshold) }
	default:
		return nil, fmt.Errorf("key generation: there is no scheme %q", scheme)
	}
	k.run = newRun(self, seats, rounds, session, start)
	return &k, nil
}

// Begin returns the seat's first messages. With CMP it looks for primes, which takes seconds.
func (k *Keygen) Begin() (Step, error) { return k.finish(k.run.begin()) }

// Round takes what all others sent in the round before, and returns the seat's next messages. An error ends the session; if
// another seat may have caused it, it is a *Fault.
func (k *Keygen) Round(in []Message) (Step, error) { return k.finish(k.run.round(in)) }

func (k *Keygen) finish(step Step, err error) (Step, error) {
	if err != nil || !step.Done {
		return step, err
	}
	var share Share
	err = guard(func() (err error) {
		share, err = k.share(k.run.result)
		return err
	})
	if err != nil {
		return Step{}, &Fault{Err: fmt.Errorf("what was generated is no key: %w", err)}
	}
	k.got = &share
	return step, nil
}

// After takes over what another seat of the same backend has found about the key, so that it need not be worked out again: what is
// public of a key takes as long as a signature. Whoever has found something else is not helped by it, and finds out for itself.
func (k *Keygen) After(other *Keygen) { k.public = other.public }

// Share returns the seat's share once the key generation is done.
func (k *Keygen) Share() (Share, error) {
	if k.got == nil {
		return Share{}, errUnfinished
	}
	return *k.got, nil
}

// checkGroup checks what a session is opened with.
func checkGroup(session []byte, self chain.Seat, seats []chain.Seat, threshold int) error {
	if len(session) == 0 {
		return errors.New("the session has no name")
	}
	if err := signer.CheckSeats(seats); err != nil {
		return err
	}
	if !slices.Contains(seats, self) {
		return fmt.Errorf("seat %d is not among the session's seats", self)
	}
	if threshold < 2 || threshold > len(seats) {
		return fmt.Errorf("a threshold of %d of %d seats: it takes two at least, and all at most", threshold, len(seats))
	}
	return nil
}
