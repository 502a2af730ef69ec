package scheme

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// Parties of FROST that a fuzzed message goes into: which of them, and at which round.
const (
	fuzzKeygenFirst = iota
	fuzzKeygenBroadcast
	fuzzKeygenShare
	fuzzSigningFirst
	fuzzSigningLast
	fuzzPlaces
)

// fuzzed plays two honest seats up to a place, and returns seat 1 with what seat 2 would say to it next.
func fuzzed(t testing.TB, place int, shares map[chain.Seat]Share) (stepper, []Message) {
	t.Helper()
	var one, two stepper
	if place < fuzzSigningFirst {
		g := newKeygens(t, signer.FROST, seatsTo(2), 2)
		one, two = g.parties[1], g.parties[2]
	} else {
		g := newSignings(t, shares, seatsTo(2), [32]byte{1})
		one, two = g.parties[1], g.parties[2]
	}
	a, err := one.Begin()
	require.NoError(t, err)
	b, err := two.Begin()
	require.NoError(t, err)
	if place != fuzzKeygenFirst && place != fuzzSigningFirst {
		first := b.Out
		b, err = two.Round(a.Out)
		require.NoError(t, err)
		_, err = one.Round(first)
		require.NoError(t, err)
	}
	return one, b.Out
}

// bodyOf returns the library's part of a message.
func bodyOf(m Message) []byte {
	if m.Data[0] > firstRound {
		return m.Data[2+2*nameBytes:]
	}
	return m.Data[2+nameBytes:]
}

// withBody returns a message's data with another body.
func withBody(m Message, body []byte) []byte {
	head := len(m.Data) - len(bodyOf(m))
	return append(m.Data[:head:head], body...)
}

// FuzzMessage gives a live party a message that anybody can have made. It must neither panic nor take what is not of its form,
// and may name nobody but who sent it.
func FuzzMessage(f *testing.F) {
	shares := generate(f, signer.FROST, seatsTo(2), 2)
	for place := range fuzzPlaces {
		_, out := fuzzed(f, place, shares)
		for _, m := range out {
			f.Add(byte(place), bodyOf(m))
		}
	}
	f.Fuzz(func(t *testing.T, at byte, body []byte) {
		place := int(at) % fuzzPlaces
		party, out := fuzzed(t, place, shares)
		changed := 0
		if place == fuzzKeygenShare {
			for i, m := range out {
				if m.To != 0 {
					changed = i
				}
			}
		}
		m := &out[changed]
		before := len(m.Data)
		m.Data = withBody(*m, body)
		step, err := party.Round(out)
		if err == nil {
			require.Len(t, m.Data, before, "a message of another length was taken")
			require.True(t, step.Done || len(step.Out) > 0)
			return
		}
		var fault *Fault
		require.ErrorAs(t, err, &fault)
		require.NotContains(t, fault.Culprits, chain.Seat(1))
		_, err = party.Round(nil)
		require.ErrorIs(t, err, errOver)
	})
}

// FuzzMessageCMP is the same for a signature of CMP: the place is a round, and whether the message is for seat 1 alone.
func FuzzMessageCMP(f *testing.F) {
	long(f)
	shares := cmpShares().shares
	seats := []chain.Seat{1, 255}
	reach := func(t testing.TB, rounds int) (*Signing, []Message) {
		g := newSignings(t, shares, seats, [32]byte{1})
		one, two := g.parties[1], g.parties[255]
		a, err := one.Begin()
		require.NoError(t, err)
		b, err := two.Begin()
		require.NoError(t, err)
		for range rounds {
			heard := b.Out
			b, err = two.Round(a.Out)
			require.NoError(t, err)
			a, err = one.Round(heard)
			require.NoError(t, err)
		}
		return one, b.Out
	}
	_, first := reach(f, 0)
	for i, m := range first {
		f.Add(byte(0), byte(i), bodyOf(m))
	}
	f.Add(byte(0), byte(0), []byte{0xa0})
	f.Fuzz(func(t *testing.T, rounds, which byte, body []byte) {
		party, out := reach(t, int(rounds)%len(cmpSigning()))
		m := &out[int(which)%len(out)]
		m.Data = withBody(*m, body)
		_, err := party.Round(out)
		if err == nil {
			return
		}
		var fault *Fault
		require.ErrorAs(t, err, &fault)
		require.NotContains(t, fault.Culprits, chain.Seat(1))
	})
}

// FuzzForms holds anything against every form of every protocol. What has the form of an honest message is as long as one, but
// for CMP's numbers, whose lengths vary within bounds.
func FuzzForms(f *testing.F) {
	shares := generate(f, signer.FROST, seatsTo(2), 2)
	for place := range fuzzPlaces {
		_, out := fuzzed(f, place, shares)
		for _, m := range out {
			f.Add(bodyOf(m))
		}
	}
	var protocols []protocolRounds
	for _, t := range []int{2, 3, 24, 51, 255} {
		protocols = append(protocols, frostKeygen(t), cmpKeygen(t))
	}
	protocols = append(protocols, frostSigning(), cmpSigning())
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, rounds := range protocols {
			for _, e := range rounds {
				for _, form := range []shape{e.broadcast, e.direct} {
					if form != nil && form.has(data) {
						require.False(t, form.has(append(data[:len(data):len(data)], 0)))
						require.False(t, form.has(data[:len(data)-1]))
						require.Less(t, len(data), MaxMessage)
					}
				}
			}
		}
	})
}

// FuzzFrame decodes anything. What it takes encodes to the same again.
func FuzzFrame(f *testing.F) {
	shares := generate(f, signer.FROST, seatsTo(2), 2)
	ssid := make([]byte, 64)
	for place := range fuzzPlaces {
		one, out := fuzzed(f, place, shares)
		for _, m := range out {
			f.Add(byte(2+place%2), m.Data, one != nil)
		}
	}
	f.Add(byte(2), make([]byte, 2+nameBytes+5), true)
	f.Fuzz(func(t *testing.T, round byte, data []byte, own bool) {
		name := ssid
		if own && len(data) >= 2+nameBytes {
			name = append(append([]byte(nil), data[2:2+nameBytes]...), ssid...)
		}
		got, err := decode(data, int(round), name)
		if err == nil {
			require.Equal(t, data, got.encode())
		}
	})
}

// FuzzParseShare reads anything as a share. What it takes encodes to the same again.
func FuzzParseShare(f *testing.F) {
	for _, threshold := range []int{2, 3} {
		for _, share := range generate(f, signer.FROST, []chain.Seat{1, 128, 255}, threshold) {
			data, err := share.MarshalBinary()
			require.NoError(f, err)
			f.Add(data, false)
			f.Add(data[:len(data)-1], false)
			data[1] = schemeNumbers[signer.CMP]
			f.Add(append(data, make([]byte, 3*32+2*primeBytes+3*(33+3*modulusBytes))...), true)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, cmp bool) {
		scheme := signer.FROST
		if cmp {
			scheme = signer.CMP
		}
		share, err := ParseShare(scheme, data)
		if err != nil {
			require.Zero(t, share.Seat())
			return
		}
		again, err := share.MarshalBinary()
		require.NoError(t, err)
		require.Equal(t, data, again)
	})
}
