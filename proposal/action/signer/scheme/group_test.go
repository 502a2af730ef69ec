package scheme

import (
	"bytes"
	"crypto/rand"
	"sync"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// stepper is what Keygen and Signing have in common.
type stepper interface {
	Begin() (Step, error)
	Round(in []Message) (Step, error)
}

// group is the parties of one session, by seat.
type group[P stepper] struct {
	session []byte
	seats   []chain.Seat
	parties map[chain.Seat]P
	// meddle may change what one seat sends another in a round; nil changes nothing, and no message drops it.
	meddle func(round int, to chain.Seat, m Message) []Message
	rounds int
	bytes  int // of what was sent, a broadcast counted once
}

// play runs the session until each seat is done or has failed, and returns the seats' errors.
func (g *group[P]) play(t testing.TB) map[chain.Seat]error {
	t.Helper()
	failed := map[chain.Seat]error{}
	out := map[chain.Seat][]Message{}
	for _, s := range g.seats {
		step, err := g.parties[s].Begin()
		require.NoError(t, err)
		require.False(t, step.Done)
		out[s] = step.Out
	}
	for len(out) > 0 {
		g.rounds++
		next := map[chain.Seat][]Message{}
		for _, s := range g.seats {
			if out[s] == nil {
				continue // it has failed, and the others will miss it
			}
			step, err := g.parties[s].Round(g.inbox(s, out))
			if err != nil {
				failed[s] = err
				continue
			}
			if !step.Done {
				next[s] = step.Out
			}
		}
		for _, messages := range out {
			for _, m := range messages {
				g.bytes += len(m.Data)
			}
		}
		out = next
		if len(failed) > 0 { // what the others say to a round without those seats is of no interest
			return failed
		}
	}
	return failed
}

// inbox is what seat s hears in a round.
func (g *group[P]) inbox(s chain.Seat, out map[chain.Seat][]Message) []Message {
	var in []Message
	for _, from := range g.seats {
		for _, m := range out[from] {
			if from == s || (m.To != 0 && m.To != s) {
				continue
			}
			if g.meddle != nil {
				m.Data = bytes.Clone(m.Data)
				in = append(in, g.meddle(g.rounds, s, m)...)
				continue
			}
			in = append(in, m)
		}
	}
	return in
}

// someSession returns the name of a session that there was not yet.
func someSession(t testing.TB) []byte {
	t.Helper()
	b := make([]byte, 32)
	_, err := rand.Read(b)
	require.NoError(t, err)
	return b
}

func newKeygens(t testing.TB, scheme signer.Scheme, seats []chain.Seat, threshold int) *group[*Keygen] {
	t.Helper()
	g := &group[*Keygen]{session: someSession(t), seats: seats, parties: map[chain.Seat]*Keygen{}}
	for _, s := range seats {
		k, err := NewKeygen(scheme, g.session, s, seats, threshold)
		require.NoError(t, err)
		g.parties[s] = k
	}
	return g
}

func newSignings(t testing.TB, shares map[chain.Seat]Share, signers []chain.Seat, digest [32]byte) *group[*Signing] {
	t.Helper()
	g := &group[*Signing]{session: someSession(t), seats: signers, parties: map[chain.Seat]*Signing{}}
	for _, s := range signers {
		p, err := NewSigning(g.session, shares[s], signers, digest)
		require.NoError(t, err)
		g.parties[s] = p
	}
	return g
}

// generate makes a key with honest seats.
func generate(t testing.TB, scheme signer.Scheme, seats []chain.Seat, threshold int) map[chain.Seat]Share {
	t.Helper()
	g := newKeygens(t, scheme, seats, threshold)
	require.Empty(t, g.play(t))
	return g.shares(t)
}

func (g *group[P]) shares(t testing.TB) map[chain.Seat]Share {
	t.Helper()
	shares := map[chain.Seat]Share{}
	for s, p := range g.parties {
		share, err := any(p).(*Keygen).Share()
		require.NoError(t, err)
		shares[s] = share
	}
	return shares
}

// sign signs with honest seats, and returns the one signature that all of them have.
func sign(t testing.TB, shares map[chain.Seat]Share, signers []chain.Seat, digest [32]byte) [64]byte {
	t.Helper()
	g := newSignings(t, shares, signers, digest)
	require.Empty(t, g.play(t))
	var sig [64]byte
	for i, s := range signers {
		got, err := g.parties[s].Signature()
		require.NoError(t, err)
		if i > 0 {
			require.Equal(t, sig, got)
		}
		sig = got
	}
	require.NoError(t, Verify(shares[signers[0]].scheme, shares[signers[0]].Key(), digest, sig[:]))
	return sig
}

func seatsTo(n int) []chain.Seat {
	var seats []chain.Seat
	for i := range n {
		seats = append(seats, chain.Seat(i+1)) //nolint:gosec // few
	}
	return seats
}

// cmpKey is a key of CMP and how it was generated.
type cmpKey struct {
	shares        map[chain.Seat]Share
	rounds, bytes int
}

// cmpShares is one key of CMP for all tests, 2 of the seats 1, 128 and 255: its primes take some twenty seconds of a processor.
var cmpShares = sync.OnceValue(func() (made cmpKey) {
	t := &panicking{}
	g := newKeygens(t, signer.CMP, []chain.Seat{1, 128, 255}, 2)
	if failed := g.play(t); len(failed) > 0 {
		panic(failed)
	}
	made.shares, made.rounds, made.bytes = g.shares(t), g.rounds, g.bytes
	return made
})

// panicking stands in for a test where a failure is one of all tests that use the result.
type panicking struct{ testing.TB }

func (*panicking) Helper()               {}
func (*panicking) Errorf(string, ...any) {}
func (*panicking) FailNow()              { panic("the tests' key of CMP could not be generated") }

// dealt makes the shares of a key as one who knows its secret can: what a key generation of many seats comes to, at once.
func dealt(t testing.TB, seats []chain.Seat, threshold int) map[chain.Seat]Share {
	t.Helper()
	coefficients := make([]secp256k1.ModNScalar, threshold)
	for i := range coefficients {
		coefficients[i].SetByteSlice(someSession(t))
	}
	public, err := publicOf(coefficients[0])
	require.NoError(t, err)
	tw, err := newTweak(public[1:])
	require.NoError(t, err)
	key, err := uncompress(tw.output)
	require.NoError(t, err)

	var verification [][33]byte
	shares := map[chain.Seat]Share{}
	for _, seat := range seats {
		var x, sum secp256k1.ModNScalar
		x.SetInt(uint32(seat))
		for i := range coefficients {
			sum.Mul(&x).Add(&coefficients[threshold-1-i])
		}
		if public[0] == 3 { // the internal key is the one with an even Y
			sum.Negate()
		}
		sum = tw.secret(sum)
		v, err := publicOf(sum)
		require.NoError(t, err)
		verification = append(verification, v)
		shares[seat] = Share{scheme: signer.FROST, seat: seat, threshold: threshold, seats: seats, key: key, secret: sum.Bytes()}
	}
	for seat, s := range shares {
		s.verification = verification
		require.NoError(t, s.Check())
		shares[seat] = s
	}
	return shares
}
