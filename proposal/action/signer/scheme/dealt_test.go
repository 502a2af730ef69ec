package scheme

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// dealtTo plays two rounds of a key generation and returns what the dealers dealt to a receiver.
func dealtTo(t testing.TB, n, threshold int, receiver chain.Seat, dealers ...chain.Seat) Dealt {
	t.Helper()
	d := Dealt{Session: []byte("session"), Threshold: threshold, Dealers: dealers, Receiver: receiver}
	for i := range n {
		d.Seats = append(d.Seats, chain.Seat(i+1)) //nolint:gosec // few
	}
	parties := map[chain.Seat]*Keygen{}
	var first, second []Message
	for _, seat := range d.Seats {
		k, err := NewKeygen(signer.FROST, d.Session, seat, d.Seats, threshold)
		require.NoError(t, err)
		step, err := k.Begin()
		require.NoError(t, err)
		parties[seat], first = k, append(first, step.Out...)
	}
	for _, seat := range d.Dealers {
		step, err := parties[seat].Round(heardBy(seat, first))
		require.NoError(t, err)
		second = append(second, step.Out...)
	}
	of := func(said []Message) (own []Message) {
		for _, m := range heardBy(receiver, said) {
			for _, dealer := range dealers {
				if m.From == dealer {
					own = append(own, m)
				}
			}
		}
		return own
	}
	d.First, d.Second = of(first), of(second)
	return d
}

// What is right for a receiver is right whoever plays its part, and any change of it is not.
func TestWhatWasDealtIsCheckedByPlayingTheReceiver(t *testing.T) {
	for _, test := range []struct {
		n, threshold int
		dealers      []chain.Seat
	}{{2, 2, []chain.Seat{2}}, {5, 3, []chain.Seat{2, 4}}, {5, 5, []chain.Seat{2, 3, 4, 5}}} {
		d := dealtTo(t, test.n, test.threshold, 1, test.dealers...)
		require.NoError(t, d.Check())
		for _, list := range [][]Message{d.First, d.Second} {
			for i := range list {
				good := list[i].Data
				list[i].Data = append([]byte{}, good...)
				list[i].Data[len(good)-1] ^= 1
				var fault *Fault
				require.ErrorAs(t, d.Check(), &fault, "message %d", i)
				require.Equal(t, []chain.Seat{list[i].From}, fault.Culprits)
				list[i].Data = good
			}
		}
		missing := d
		missing.Second = d.Second[1:]
		var fault *Fault
		require.ErrorAs(t, missing.Check(), &fault)
		require.NoError(t, d.Check())
	}
	d := dealtTo(t, 3, 2, 1, 2)
	d.Receiver = 2
	require.ErrorIs(t, d.Check(), ErrUndecidable)
	d.Receiver = 9
	require.ErrorIs(t, d.Check(), ErrUndecidable)
	d.Receiver, d.Threshold = 1, 7
	require.ErrorIs(t, d.Check(), ErrUndecidable)
}

func BenchmarkDealtCheck(b *testing.B) {
	for _, n := range []int{20, 100} {
		b.Run(fmt.Sprintf("%d-of-%d", n/2+1, n), func(b *testing.B) {
			d := dealtTo(b, n, n/2+1, 1, 2)
			for b.Loop() {
				require.NoError(b, d.Check())
			}
		})
	}
}
