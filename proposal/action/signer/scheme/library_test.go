package scheme

import (
	"bytes"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/math/curve"
	"github.com/taurusgroup/multi-party-sig/pkg/math/polynomial"
	"github.com/taurusgroup/multi-party-sig/pkg/party"
	"github.com/taurusgroup/multi-party-sig/pkg/pool"
	"github.com/taurusgroup/multi-party-sig/pkg/protocol"
	"github.com/taurusgroup/multi-party-sig/protocols/frost"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// The polynomials that a cheat, who has seat 3, commits to instead of its own in a key generation of 2 of 3.
var polynomials = map[string]func(t testing.TB, data []byte) []byte{
	// Two coefficients more, chosen so that the value at seat 1 stays what it was: the cheat's share for it is right.
	"of the wrong degree": func(t testing.TB, data []byte) []byte {
		t.Helper()
		at := coefficients(t, data)
		require.Equal(t, byte(0x82), data[at])
		x := curve.Secp256k1{}.NewBasePoint()
		plus, err := x.MarshalBinary()
		require.NoError(t, err)
		minus, err := x.Negate().MarshalBinary()
		require.NoError(t, err)
		out := bytes.Clone(data)
		out[at] += 2
		phi := bytes.Index(out, []byte("Phi_i")) + len("Phi_i")
		require.Equal(t, byte(0x58), out[phi])
		out[phi+1] += 70
		out[phi+5] += 2
		end := at + 1 + 2*35
		more := bytes.Join([][]byte{out[:end], {0x58, 33}, minus, {0x58, 33}, plus, out[end:]}, nil)
		return more
	},
	"of one byte": func(t testing.TB, data []byte) []byte {
		t.Helper()
		phi := bytes.Index(data, []byte("Phi_i")) + len("Phi_i")
		after := bytes.Index(data, []byte("\x67Sigma_i"))
		return bytes.Join([][]byte{data[:phi], {0x41, 0}, data[after:]}, nil)
	},
	// 2^20 coefficients are announced, and none more come.
	"with a huge length": func(t testing.TB, data []byte) []byte {
		t.Helper()
		out := bytes.Clone(data)
		phi := bytes.Index(out, []byte("Phi_i")) + len("Phi_i")
		copy(out[phi+2:], []byte{0, 0x10, 0, 0})
		return out
	},
}

// A crafted polynomial makes the library panic or allocate; here it names its author, and no more.
func TestCraftedPolynomials(t *testing.T) {
	seats := seatsTo(3)
	for name, craft := range polynomials {
		t.Run(name, func(t *testing.T) {
			b := bareFrost(t, seats, 1)
			var echo []byte
			b.meddle = func(_ party.ID, m protocol.Message) *protocol.Message {
				switch {
				case m.From == idOf(3) && m.RoundNumber == 2:
					m.Data = craft(t, m.Data)
				case m.From == idOf(3): // the cheat knows what it has sent
					m.BroadcastVerification = echo
				default:
					echo = m.BroadcastVerification
				}
				if m.RoundNumber == 0 {
					return nil // seat 2 finds its own share to be wrong, and its report would keep seat 1 from going on
				}
				return &m
			}
			if name == "with a huge length" {
				require.Greater(t, allocated(b.play), uint64(100<<20))
			} else {
				require.Panics(t, b.play)
			}

			g := newKeygens(t, signer.FROST, seats, 2)
			g.meddle = func(round int, _ chain.Seat, m Message) []Message {
				if m.From == 3 && round == 1 {
					m.Data = withBody(m, craft(t, bodyOf(m)))
				}
				return []Message{m}
			}
			var failed map[chain.Seat]error
			require.Less(t, allocated(func() { failed = g.play(t) }), uint64(50<<20))
			for _, s := range []chain.Seat{1, 2} {
				var fault *Fault
				require.ErrorAs(t, failed[s], &fault)
				require.Equal(t, []chain.Seat{3}, fault.Culprits)
				_, err := g.parties[s].Round(nil)
				require.ErrorIs(t, err, errOver)
				_, err = g.parties[s].Share()
				require.ErrorIs(t, err, errUnfinished)
			}
		})
	}
}

// allocated returns the bytes that the whole process allocates during a call.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The same for CMP, whose library decodes the same type; what it checks of it comes after.
func TestCraftedPolynomialsCMP(t *testing.T) {
	good, err := polynomial.NewPolynomialExponent(polynomial.NewPolynomial(curve.Secp256k1{}, 1, curve.Secp256k1{}.NewScalar().Add(one()))).MarshalBinary()
	require.NoError(t, err)
	form := wrappedCommitments(2)
	require.True(t, form(good))

	require.Panics(t, func() { _ = polynomial.EmptyExponent(curve.Secp256k1{}).UnmarshalBinary([]byte{0}) })
	require.False(t, form([]byte{0}))
	huge := bytes.Clone(good)
	copy(huge, []byte{0, 0x10, 0, 0})
	require.Greater(t, allocated(func() { _ = polynomial.EmptyExponent(curve.Secp256k1{}).UnmarshalBinary(huge) }), uint64(100<<20))
	require.False(t, form(huge))
	require.False(t, wrappedCommitments(3)(good))
	require.False(t, wrappedCommitments(1)(good))
}

// wrappedCommitments is the form of commitments without the head of their byte string.
func wrappedCommitments(n int) func(data []byte) bool {
	return func(data []byte) bool {
		if len(data) > 255 {
			return false
		}
		head := []byte{0x58, byte(len(data))}
		if len(data) < 24 {
			head = []byte{0x40 + byte(len(data))}
		}
		return commitments(n).has(append(head, data...))
	}
}

func one() curve.Scalar {
	s := curve.Secp256k1{}.NewScalar()
	b := make([]byte, 32)
	b[31] = 1
	_ = s.UnmarshalBinary(b)
	return s
}

// The library's Stop panics once a protocol is over, and does nothing before. Here a party that is over says so.
func TestPartiesEndOnce(t *testing.T) {
	seats := seatsTo(2)
	b := bareFrost(t, seats, 1)
	b.handlers[idOf(1)].Stop()
	require.NotEmpty(t, waiting(b.handlers[idOf(1)]), "stop stopped it")
	b = bareFrost(t, seats, 1)
	b.play()
	require.Panics(t, b.handlers[idOf(1)].Stop)

	g := newKeygens(t, signer.FROST, seats, 2)
	require.Empty(t, g.play(t))
	for range 2 {
		_, err := g.parties[1].Round(nil)
		require.ErrorIs(t, err, errOver)
		_, err = g.parties[1].Begin()
		require.ErrorIs(t, err, errOver)
	}
	_, err := g.parties[1].Share()
	require.NoError(t, err)
}

// The library blames whoever reports that somebody else broke the session. Here nobody can report, and nobody is heard.
func TestReporterIsNotBlamed(t *testing.T) {
	seats := seatsTo(3)
	b := bareFrost(t, seats, 1)
	b.meddle = func(to party.ID, m protocol.Message) *protocol.Message {
		if m.From == idOf(3) && m.RoundNumber == 3 && !m.Broadcast && to == idOf(1) { // a wrong share for seat 1
			m.Data = bytes.Clone(m.Data)
			m.Data[len(m.Data)-1] ^= 1
		}
		if m.From == idOf(3) && to == idOf(2) && m.RoundNumber == 3 {
			return nil // seat 2 waits, and hears seat 1 first
		}
		return &m
	}
	b.play()
	require.Equal(t, []party.ID{idOf(3)}, b.culprits(t, idOf(1)))
	require.Equal(t, []party.ID{idOf(1)}, b.culprits(t, idOf(2)), "the library blames the reporter")

	g := newKeygens(t, signer.FROST, seats, 2)
	g.meddle = func(round int, to chain.Seat, m Message) []Message {
		if m.From == 3 && round == 2 && m.To == 1 {
			m.Data[len(m.Data)-1] ^= 1
		}
		return []Message{m}
	}
	failed := g.play(t)
	require.Len(t, failed, 1)
	var fault *Fault
	require.ErrorAs(t, failed[1], &fault)
	require.Equal(t, []chain.Seat{3}, fault.Culprits)

	// A report made by hand is a message of another round.
	g = newKeygens(t, signer.FROST, seats, 2)
	g.meddle = func(_ int, _ chain.Seat, m Message) []Message {
		if m.From == 3 {
			m.Data[0] = 0
		}
		return []Message{m}
	}
	failed = g.play(t)
	require.ErrorAs(t, failed[1], &fault)
	require.Equal(t, []chain.Seat{3}, fault.Culprits)
	require.ErrorIs(t, fault, errRound)
}

// The library takes seat 0, whose share would be the secret, and its encodings lose seats that are no text.
func TestSeatsAreChecked(t *testing.T) {
	withZero := newBare(t, []chain.Seat{0, 1}, func(self party.ID) protocol.StartFunc {
		return frost.KeygenTaproot(self, idsOf([]chain.Seat{0, 1}), 1)
	})
	require.PanicsWithValue(t, "attempt to leak secret", withZero.play)

	b := bareFrost(t, []chain.Seat{200, 201}, 1)
	sent := waiting(b.handlers[idOf(200)])[0]
	data, err := sent.MarshalBinary()
	require.NoError(t, err)
	var got protocol.Message
	require.NoError(t, got.UnmarshalBinary(data), "the library hides that it cannot decode")
	require.Empty(t, got.Data)

	session := someSession(t)
	for name, c := range map[string]struct {
		self      chain.Seat
		seats     []chain.Seat
		threshold int
		session   []byte
	}{
		"seat 0":              {0, []chain.Seat{0, 1, 2}, 2, session},
		"seat 0 of others":    {1, []chain.Seat{0, 1, 2}, 2, session},
		"a seat twice":        {1, []chain.Seat{1, 1, 2}, 2, session},
		"not ascending":       {1, []chain.Seat{2, 1}, 2, session},
		"not one of them":     {3, []chain.Seat{1, 2}, 2, session},
		"no seats":            {1, nil, 2, session},
		"threshold above":     {1, []chain.Seat{1, 2}, 3, session},
		"threshold of one":    {1, []chain.Seat{1, 2}, 1, session},
		"threshold of none":   {1, []chain.Seat{1, 2}, 0, session},
		"threshold below":     {1, []chain.Seat{1, 2}, -1, session},
		"session has no name": {1, []chain.Seat{1, 2}, 2, nil},
	} {
		for _, scheme := range signer.Schemes() {
			_, err := NewKeygen(scheme, c.session, c.self, c.seats, c.threshold)
			require.Error(t, err, name)
		}
	}
	_, err = NewKeygen("other", session, 1, seatsTo(2), 2)
	require.Error(t, err)
}

// The library's threshold is one less than the number of seats that it takes to sign; ours is that number.
func TestThresholdIsTheNumberOfSigners(t *testing.T) {
	seats := seatsTo(3)
	b := bareFrost(t, seats, 2)
	b.play()
	result, err := b.handlers[idOf(1)].Result()
	require.NoError(t, err)
	_, err = protocol.NewMultiHandler(frost.SignTaproot(result.(*frost.TaprootConfig), idsOf(seats[:2]), make([]byte, 32)), nil)
	require.Error(t, err, "2 of the library's threshold 2 do not sign")

	shares := generate(t, signer.FROST, seats, 2)
	sign(t, shares, seats[:2], [32]byte{1})
	sign(t, shares, seats, [32]byte{1})
	_, err = NewSigning(someSession(t), shares[1], seats[:1], [32]byte{1})
	require.Error(t, err)
	_, err = NewSigning(someSession(t), shares[1], []chain.Seat{1, 4}, [32]byte{1})
	require.Error(t, err)
	_, err = NewSigning(someSession(t), shares[1], []chain.Seat{2, 3}, [32]byte{1})
	require.Error(t, err)
	_, err = NewSigning(someSession(t), Share{}, seats, [32]byte{1})
	require.Error(t, err)
}

// A pool of the library's loses its worker when a task ends at the wrong moment, and the next call waits for ever. No party is
// given one.
func TestPoolsDeadlock(t *testing.T) {
	deadlock := func() (found any) {
		defer func() { found = recover() }()
		synctest.Test(t, func(*testing.T) {
			p := pool.NewPool(1)
			for range 1 << 20 {
				p.Parallelize(1, func(int) any { return nil })
			}
			p.TearDown()
		})
		return nil
	}
	require.ErrorContains(t, deadlock().(error), "deadlock")
}
