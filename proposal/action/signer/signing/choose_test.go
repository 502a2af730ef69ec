package signing

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

func TestAttemptsAreWhatFitsIntoTheBlocks(t *testing.T) {
	s := schedule{1000, 1300}
	require.Equal(t, uint32(7), s.attempts())
	require.Equal(t, chain.Height(41), attemptLength)
	for h, want := range map[chain.Height]uint32{999: 0, 1000: 1, 1040: 1, 1041: 2, 1286: 7, 1287: 0, 1300: 0} {
		got, ok := s.at(h)
		require.Equal(t, want, got, h)
		require.Equal(t, want != 0, ok)
	}
	require.Equal(t, chain.Height(1041), s.begin(2))
	require.Equal(t, chain.Height(1042), s.announce(2))
	require.Equal(t, chain.Height(1047), s.list(2))
	require.Equal(t, chain.Height(1077), s.deadline(2))
	require.Zero(t, schedule{1000, 1040}.attempts())
	require.Zero(t, schedule{1000, 900}.attempts())
}

func TestEachOperatorCoordinatesOnceBeforeOneDoesTwice(t *testing.T) {
	w := newWorld(t, 2, 5, 1, 2, 1)
	for n := range byte(20) {
		seen := map[chain.Operator]bool{}
		for attempt := uint32(1); attempt <= 4; attempt++ {
			seat, op := coordinator(w.wallet, signer.Digest{n}, attempt)
			holder, ok := w.wallet.At(seat)
			require.True(t, ok)
			require.Equal(t, op, holder)
			seen[op] = true
		}
		require.Len(t, seen, 4)
		_, first := coordinator(w.wallet, signer.Digest{n}, 1)
		_, fifth := coordinator(w.wallet, signer.Digest{n}, 5)
		require.Equal(t, first, fifth)
	}
}

func TestPropertyAQuorumIsExactAndTheSameForAll(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var candidates []candidate
		next := chain.Seat(1)
		for i := range rapid.IntRange(1, 12).Draw(rt, "operators") {
			c := candidate{operator: chain.Operator{byte(i + 1)}, suspect: rapid.IntRange(0, 2).Draw(rt, "suspect")}
			for range rapid.IntRange(1, 9).Draw(rt, "seats") {
				c.seats = append(c.seats, next)
				next++
			}
			candidates = append(candidates, c)
		}
		threshold := rapid.IntRange(1, 60).Draw(rt, "threshold")
		first := candidates[rapid.IntRange(0, len(candidates)-1).Draw(rt, "coordinator")]
		attempt := uint32(rapid.IntRange(1, 7).Draw(rt, "attempt")) //nolint:gosec // small
		seats := quorum(candidates, first.operator, signer.Digest{1}, attempt, threshold)
		if threshold >= int(next) {
			require.Nil(rt, seats)
			return
		}
		require.Len(rt, seats, threshold)
		require.NoError(rt, signer.CheckSeats(seats))
		require.Contains(rt, seats, first.seats[0])
		partial, left, taken := 0, 3, 0
		for _, c := range candidates {
			n := 0
			for _, s := range c.seats {
				if slices.Contains(seats, s) {
					n++
				}
			}
			switch {
			case n > 0 && n < len(c.seats):
				partial++
			case n == 0:
				left = min(left, c.suspect)
			}
			if n > 0 && c.operator != first.operator {
				taken = max(taken, c.suspect)
			}
		}
		require.LessOrEqual(rt, partial, 1, "of one operator only some seats may be taken")
		require.LessOrEqual(rt, taken, left, "who was in fewer failed attempts comes first")
		slices.Reverse(candidates)
		require.Equal(rt, seats, quorum(candidates, first.operator, signer.Digest{1}, attempt, threshold))
	})
}

// proofs returns what two messages prove something, by what they do.
func proofs(w *world) map[string][][]byte {
	_, names := coordinator(w.wallet, signer.Digest{2}, 1)
	bound := about{w.wallet.ID(), 900, signer.Digest{2}, 1}
	by := w.by(names)
	sign := func(m *member, topic string, content any) []byte {
		return wire.SignPubsub(m.key, topic, encode(content), make([]byte, 8)).Bytes()
	}
	topic := signer.SigningTopic(w.wallet.ID())
	a, b := sign(by, topic, list{bound, []chain.Seat{1, 2}}), sign(by, topic, list{bound, []chain.Seat{2, 3}})
	later := bound
	later.attempt = 2
	other := w.members[0]
	if other == by {
		other = w.members[1]
	}
	one, two := bundle{signer.SessionID{1}, 1, nil}, bundle{signer.SessionID{1}, 1, []signer.Parcel{{Data: []byte{1}}}}
	return map[string][][]byte{
		"lists": {a, b}, "bundles": {sign(by, topic, one), sign(by, topic, two)},
		"the same list":     {a, a},
		"the same bundle":   {sign(by, topic, one), sign(by, topic, one)},
		"two attempts":      {a, sign(by, topic, list{later, []chain.Seat{2, 3}})},
		"not a coordinator": {sign(other, topic, list{bound, []chain.Seat{1, 2}}), sign(other, topic, list{bound, []chain.Seat{2, 3}})},
		"two authors":       {a, sign(other, topic, list{bound, []chain.Seat{2, 3}})},
		"said elsewhere":    {sign(by, "/elsewhere", list{bound, []chain.Seat{1, 2}}), b},
		"announcements":     {sign(by, topic, announcement{bound, []chain.Seat{1}}), sign(by, topic, announcement{bound, []chain.Seat{2}})},
		"a list, a bundle":  {a, sign(by, topic, one)},
		"forged":            {a[:len(a)-1], b},
		"one alone":         {a},
	}
}

func TestAProofIsTwoThingsThatOneOperatorMayNotSayBoth(t *testing.T) {
	w := newWorld(t, 2, 1, 1, 1)
	for name, messages := range proofs(w) {
		by, err := CheckProof(w.wallet, messages)
		if name == "lists" || name == "bundles" {
			require.NoError(t, err, name)
			_, names := coordinator(w.wallet, signer.Digest{2}, 1)
			require.Equal(t, names, by)
			continue
		}
		require.Error(t, err, name)
	}
}

func TestWhatOneOperatorCanMakeUsHoldIsBounded(t *testing.T) {
	b := newBundles()
	op, other := chain.Operator{1}, chain.Operator{2}
	for i := range 10 * maxBundles {
		b.add(op, step{signer.SessionID{byte(i), byte(i >> 8)}, 1}, signed{message: make([]byte, 100)})
	}
	require.Len(t, b.of[op].held, maxBundles)
	for i := range maxBundles {
		b.add(other, step{signer.SessionID{byte(i)}, 1}, signed{message: make([]byte, maxBundleBytes/4)})
	}
	require.Len(t, b.of[other].held, 4)
	require.Len(t, b.missing([]chain.Operator{op, other}, step{signer.SessionID{0xee, 0xee}, 1}), 2)
}
