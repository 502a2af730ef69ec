package scheme

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// requireFault returns a fault that names these culprits and these who saw something else.
func requireFault(t testing.TB, err error, culprits, differ []chain.Seat) *Fault {
	t.Helper()
	var fault *Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, culprits, fault.Culprits, "%v", err)
	require.Equal(t, differ, fault.Differ, "%v", err)
	require.NotEmpty(t, fault.Error())
	require.Equal(t, signer.Printable(fault.Error()), fault.Error(), "it is shown to people")
	return fault
}

// altered is what one cheat does to its messages, and whom it makes fail.
type altered struct {
	name   string
	change func(round int, to chain.Seat, m Message) []Message
	// blamed are the seats that name seat 3 alone.
	blamed []chain.Seat
	cause  error // nil for the library's own
}

func lastByte(m Message) []Message {
	m.Data[len(m.Data)-1] ^= 1
	return []Message{m}
}

// inRound changes what seat 3 sends in a round.
func inRound(n int, change func(to chain.Seat, m Message) []Message) func(int, chain.Seat, Message) []Message {
	return func(round int, to chain.Seat, m Message) []Message {
		if m.From != 3 || round != n {
			return []Message{m}
		}
		return change(to, m)
	}
}

// formAltered are cheats that any round of any protocol sees through.
func formAltered(others ...chain.Seat) []altered {
	broadcastOnly := func(change func(m Message) []Message) func(int, chain.Seat, Message) []Message {
		return inRound(2, func(_ chain.Seat, m Message) []Message {
			if m.To != 0 {
				return []Message{m}
			}
			return change(m)
		})
	}
	return []altered{
		{"nothing", inRound(2, func(chain.Seat, Message) []Message { return nil }), others, errMissing},
		{"no broadcast", broadcastOnly(func(Message) []Message { return nil }), others, errMissing},
		{"twice", broadcastOnly(func(m Message) []Message { return []Message{m, m} }), others, errTwice},
		{"empty", broadcastOnly(func(m Message) []Message { m.Data = nil; return []Message{m} }), others, errLength},
		{"head alone", broadcastOnly(func(m Message) []Message { m.Data = m.Data[:2]; return []Message{m} }), others, errLength},
		{"too short", broadcastOnly(func(m Message) []Message { m.Data = m.Data[:len(m.Data)-1]; return []Message{m} }), others, errForm},
		{"too long", broadcastOnly(func(m Message) []Message { m.Data = append(m.Data, 0); return []Message{m} }), others, errForm},
		{"far too long", broadcastOnly(func(m Message) []Message {
			m.Data = append(m.Data, make([]byte, MaxMessage)...)
			return []Message{m}
		}), others, errLength},
		{"another round", broadcastOnly(func(m Message) []Message { m.Data[0] = 2; return []Message{m} }), others, errRound},
		{"a report", broadcastOnly(func(m Message) []Message { m.Data[0] = 0; return []Message{m} }), others, errRound},
		{"another kind", broadcastOnly(func(m Message) []Message { m.Data[1] = 2; return []Message{m} }), others, errForm},
		{"said to be private", broadcastOnly(func(m Message) []Message { m.Data[1] = 1; return []Message{m} }), others, errKind},
		{"another session", broadcastOnly(func(m Message) []Message { m.Data[5] ^= 1; return []Message{m} }), others, errSession},
	}
}

// Whatever seat 3 does to its messages in a key generation, the seats that it does it to name it, and no other.
func TestKeygenNamesTheCheat(t *testing.T) {
	first := map[chain.Seat][]byte{}
	cases := append(formAltered(1, 2),
		altered{"a wrong share for seat 1", inRound(2, func(_ chain.Seat, m Message) []Message {
			if m.To == 1 {
				return lastByte(m)
			}
			return []Message{m}
		}), []chain.Seat{1}, nil},
		altered{"the other's share", func(round int, to chain.Seat, m Message) []Message {
			if round == 2 && m.From == 3 && m.To == 0 { // two private messages, none for everybody
				m.To, m.Data[1] = to, 1
			}
			return []Message{m}
		}, []chain.Seat{1, 2}, errForm},
		altered{"a wrong proof", inRound(1, func(_ chain.Seat, m Message) []Message {
			at := bytes.Index(m.Data, []byte("\x61Z\x58\x20")) + 4
			m.Data[at+31] ^= 1
			return []Message{m}
		}), []chain.Seat{1, 2}, nil},
		altered{"seat 1's commitments again", func(round int, _ chain.Seat, m Message) []Message {
			if round == 1 && m.From == 1 {
				first[1] = bytes.Clone(m.Data)
			}
			if round == 1 && m.From == 3 && first[1] != nil {
				m.Data = first[1]
			}
			return []Message{m}
		}, []chain.Seat{2}, nil},
		altered{"the identity", inRound(1, func(_ chain.Seat, m Message) []Message {
			at := coefficients(t, m.Data) + 3
			copy(m.Data[at:at+33], make([]byte, 33))
			return []Message{m}
		}), []chain.Seat{1, 2}, errForm},
		altered{"the identity with a sign", inRound(1, func(_ chain.Seat, m Message) []Message {
			at := coefficients(t, m.Data) + 3
			copy(m.Data[at+1:at+33], make([]byte, 32))
			return []Message{m}
		}), []chain.Seat{1, 2}, nil},
		altered{"a constant that is said to be zero", inRound(1, func(_ chain.Seat, m Message) []Message {
			at := bytes.Index(m.Data, []byte("IsConstant")) + len("IsConstant")
			m.Data[at] = cborTrue
			return []Message{m}
		}), []chain.Seat{1, 2}, errForm},
		altered{"no opening", inRound(2, func(_ chain.Seat, m Message) []Message {
			if m.To == 0 {
				return lastByte(m)
			}
			return []Message{m}
		}), []chain.Seat{1, 2}, nil},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newKeygens(t, signer.FROST, seatsTo(3), 2)
			g.meddle = c.change
			failed := g.play(t)
			for _, s := range c.blamed {
				fault := requireFault(t, failed[s], []chain.Seat{3}, nil)
				if c.cause != nil {
					require.ErrorIs(t, fault, c.cause)
				}
			}
			delete(failed, 3)
			for _, s := range c.blamed {
				delete(failed, s)
			}
			require.Empty(t, failed)
		})
	}
}

// The library names parties by raw bytes; here they are seats.
func TestTheLibrarysErrorsNameSeats(t *testing.T) {
	for said, want := range map[string]string{
		"failed to verify response from \x04":                        "failed to verify response from seat 4",
		"failed to verify response from \xc8":                        "failed to verify response from seat 200",
		"failed to verify Schnorr proof for party \n":                "failed to verify Schnorr proof for seat 10",
		"round 3: party A sent a non-zero constant while refreshing": "round 3: seat 65 sent a non-zero constant while refreshing",
		"config: party  : duplicate entry":                           "config: seat 32: duplicate entry",
		"aborted by other party with error: \"\x00\"":                "aborted by other party with error: \"?\"",
	} {
		err := errors.New(said)
		require.EqualError(t, words(err), want)
		require.ErrorIs(t, words(err), err)
	}
	g := newSignings(t, generate(t, signer.FROST, seatsTo(3), 2), seatsTo(3), [32]byte{1})
	g.meddle = inRound(2, func(_ chain.Seat, m Message) []Message { return lastByte(m) })
	require.ErrorContains(t, g.play(t)[1], "from seat 3")
}

// The same for a signature.
func TestSigningNamesTheCheat(t *testing.T) {
	shares := generate(t, signer.FROST, seatsTo(3), 2)
	cases := append(formAltered(1, 2),
		altered{"a wrong response", inRound(2, func(_ chain.Seat, m Message) []Message { return lastByte(m) }), []chain.Seat{1, 2}, nil},
		altered{"a response above the order", inRound(2, func(_ chain.Seat, m Message) []Message {
			copy(m.Data[len(m.Data)-32:], bytes.Repeat([]byte{0xff}, 32))
			return []Message{m}
		}), []chain.Seat{1, 2}, nil},
		altered{"a commitment that is no point", inRound(1, func(_ chain.Seat, m Message) []Message {
			copy(m.Data[len(m.Data)-32:], make([]byte, 32))
			return []Message{m}
		}), []chain.Seat{1, 2}, nil},
		altered{"the identity", inRound(1, func(_ chain.Seat, m Message) []Message {
			copy(m.Data[len(m.Data)-33:], make([]byte, 33))
			return []Message{m}
		}), []chain.Seat{1, 2}, errForm},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newSignings(t, shares, seatsTo(3), [32]byte{1})
			g.meddle = c.change
			failed := g.play(t)
			for _, s := range []chain.Seat{1, 2} {
				fault := requireFault(t, failed[s], []chain.Seat{3}, nil)
				if c.cause != nil {
					require.ErrorIs(t, fault, c.cause)
				}
				_, err := g.parties[s].Signature()
				require.ErrorIs(t, err, errUnfinished)
			}
		})
	}
}

// A seat that shows two others different commitments makes the library blame an honest one. Here the honest ones learn that
// they saw different things, and blame nobody.
func TestSplitCommitments(t *testing.T) {
	seats := seatsTo(3)
	shares := generate(t, signer.FROST, seats, 2)
	digest := [32]byte{1}

	b := newBare(t, seats, func(self party.ID) protocol.StartFunc {
		config, err := shares[seatOf(self)].frostConfig(seats)
		require.NoError(t, err)
		return frost.SignTaproot(config, idsOf(seats), digest[:])
	})
	echo := map[party.ID][]byte{}
	b.meddle = func(to party.ID, m protocol.Message) *protocol.Message {
		switch {
		case m.RoundNumber == 0:
			return nil
		case m.From == idOf(3) && m.RoundNumber == 2 && to == idOf(2):
			m.Data = bytes.Clone(m.Data)
			d, e := m.Data[len(m.Data)-33-6-33:len(m.Data)-33-6], m.Data[len(m.Data)-33:]
			swapped := bytes.Clone(d)
			copy(d, e)
			copy(e, swapped)
		case m.From != idOf(3):
			echo[m.From] = m.BroadcastVerification
		}
		return &m
	}
	b.play()
	require.NotEqual(t, echo[idOf(1)], echo[idOf(2)])
	require.Equal(t, []party.ID{idOf(2)}, b.culprits(t, idOf(1)), "the library blames an honest seat")

	split := func(round int, to chain.Seat, m Message) []Message {
		if m.From == 3 && round == 1 && to == 2 {
			end := len(m.Data)
			d, e := m.Data[end-33-6-33:end-33-6], m.Data[end-33:]
			swapped := bytes.Clone(d)
			copy(d, e)
			copy(e, swapped)
		}
		return []Message{m}
	}
	g := newSignings(t, shares, seats, digest)
	g.meddle = split
	failed := g.play(t)
	require.ErrorIs(t, requireFault(t, failed[1], nil, []chain.Seat{2}), errSplit)
	require.ErrorIs(t, requireFault(t, failed[2], nil, []chain.Seat{1, 3}), errSplit)

	// The same in a key generation, where the cheat runs it twice and is consistent towards each.
	k := newKeygens(t, signer.FROST, seats, 2)
	twin, err := NewKeygen(signer.FROST, k.session, 3, seats, 2)
	require.NoError(t, err)
	step, err := twin.Begin()
	require.NoError(t, err)
	k.meddle = func(round int, to chain.Seat, m Message) []Message {
		if m.From == 3 && round == 1 && to == 2 {
			m.Data = step.Out[0].Data
		}
		return []Message{m}
	}
	failed = k.play(t)
	require.ErrorIs(t, requireFault(t, failed[1], nil, []chain.Seat{2}), errSplit)
	require.ErrorIs(t, requireFault(t, failed[2], nil, []chain.Seat{1, 3}), errSplit)
}

// What a caller got wrong is not laid to a seat.
func TestCallersErrors(t *testing.T) {
	seats := seatsTo(3)
	for name, change := range map[string]func(m *Message){
		"from a stranger":    func(m *Message) { m.From = 9 },
		"from nobody":        func(m *Message) { m.From = 0 },
		"from itself":        func(m *Message) { m.From = 1 },
		"for somebody else":  func(m *Message) { m.To = 2 },
		"for a strange seat": func(m *Message) { m.To = 9 },
	} {
		g := newKeygens(t, signer.FROST, seats, 2)
		g.meddle = func(_ int, to chain.Seat, m Message) []Message {
			if to == 1 && m.From == 3 {
				change(&m)
			}
			return []Message{m}
		}
		failed := g.play(t)
		require.Len(t, failed, 1, name)
		var fault *Fault
		require.NotErrorAs(t, failed[1], &fault, name)
	}
	// Two seats' messages that change places prove nothing of either.
	g := newKeygens(t, signer.FROST, seats, 2)
	g.meddle = func(_ int, to chain.Seat, m Message) []Message {
		if to == 1 {
			m.From = 5 - m.From
		}
		return []Message{m}
	}
	failed := g.play(t)
	require.Len(t, failed, 1)
	require.Error(t, failed[1])
	// A party that has not begun takes nothing.
	k, err := NewKeygen(signer.FROST, someSession(t), 1, seats, 2)
	require.NoError(t, err)
	_, err = k.Round(nil)
	require.ErrorIs(t, err, errOver)
}

// Signers of another digest, or of another key, are in another session.
func TestSessionsAreBound(t *testing.T) {
	seats := seatsTo(2)
	shares, others := generate(t, signer.FROST, seats, 2), generate(t, signer.FROST, seats, 2)
	session := someSession(t)
	one, err := NewSigning(session, shares[1], seats, [32]byte{1})
	require.NoError(t, err)
	_, err = one.Begin()
	require.NoError(t, err)
	for name, make := range map[string]func() (*Signing, error){
		"digest":  func() (*Signing, error) { return NewSigning(session, shares[2], seats, [32]byte{2}) },
		"key":     func() (*Signing, error) { return NewSigning(session, others[2], seats, [32]byte{1}) },
		"session": func() (*Signing, error) { return NewSigning(someSession(t), shares[2], seats, [32]byte{1}) },
	} {
		two, err := make()
		require.NoError(t, err, name)
		step, err := two.Begin()
		require.NoError(t, err, name)
		_, err = decode(step.Out[0].Data, firstRound, one.run.own.SSID)
		require.ErrorIs(t, err, errSession, name)
	}
}
