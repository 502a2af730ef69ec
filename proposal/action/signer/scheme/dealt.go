package scheme

import (
	"errors"
	"fmt"
	"slices"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// DealtIn returns the round in which each seat of a key generation sends each other one a share.
func DealtIn(scheme signer.Scheme) int {
	if scheme == signer.CMP {
		return 3
	}
	return 2
}

// Dealt is what some seats, the dealers, have sent in a key generation of FROST: all that one receiver got of them.
type Dealt struct {
	Session   []byte
	Seats     []chain.Seat // of the session
	Threshold int
	Dealers   []chain.Seat
	Receiver  chain.Seat
	First     []Message // round 1: for everybody
	Second    []Message // round 2: for everybody, and for the receiver
}

// ErrUndecidable says that it cannot be told whether what was dealt is right.
var ErrUndecidable = errors.New("it cannot be told whether what was dealt is right")

// Check reports whether the receiver could use it; a *Fault that names dealers if not. The receiver's part is played once more,
// with other secrets: by the same code, so that it finds what the receiver has found, and with nobody else's messages, so that
// nobody else can make it differ. What the receiver checks of a dealer does not depend on the receiver's own secrets, and it is
// checked as each message comes, whatever others say. It takes some times what the key generation takes one seat.
func (d Dealt) Check() error {
	receiver, said, err := d.begin()
	if err != nil {
		return err
	}
	if _, err := receiver.Round(heardBy(d.Receiver, append(said, d.First...))); err != nil {
		return d.blame(err)
	}
	receiver.run.only = d.Dealers
	_, err = receiver.Round(d.Second)
	if errors.Is(err, errAlone) {
		return nil
	}
	return d.blame(err)
}

// begin makes the first messages of each seat but the dealers, and the receiver's party.
func (d Dealt) begin() (receiver *Keygen, said []Message, err error) {
	if slices.Contains(d.Dealers, d.Receiver) || !slices.Contains(d.Seats, d.Receiver) {
		return nil, nil, fmt.Errorf("%w: seat %d is no receiver", ErrUndecidable, d.Receiver)
	}
	for _, seat := range d.Seats {
		if slices.Contains(d.Dealers, seat) {
			continue
		}
		k, err := NewKeygen(signer.FROST, d.Session, seat, d.Seats, d.Threshold)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUndecidable, err)
		}
		step, err := k.Begin()
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUndecidable, err)
		}
		if seat == d.Receiver {
			receiver = k
		}
		said = append(said, step.Out...)
	}
	return receiver, said, nil
}

// blame lets a fault of dealers through, and nothing else.
func (d Dealt) blame(err error) error {
	if err == nil {
		return nil
	}
	var fault *Fault
	if !errors.As(err, &fault) || len(fault.Culprits) == 0 {
		return fmt.Errorf("%w: %w", ErrUndecidable, err)
	}
	for _, c := range fault.Culprits {
		if !slices.Contains(d.Dealers, c) {
			return fmt.Errorf("%w: %w", ErrUndecidable, err)
		}
	}
	return fault
}

// heardBy picks what a seat hears of what was said.
func heardBy(seat chain.Seat, said []Message) []Message {
	var in []Message
	for _, m := range said {
		if m.From != seat && (m.To == 0 || m.To == seat) {
			in = append(in, m)
		}
	}
	return in
}
