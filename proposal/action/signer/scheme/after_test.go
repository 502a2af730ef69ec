package scheme

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/taurusgroup/multi-party-sig/pkg/taproot"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/proposal/action/signer"
)

// What a seat is spared by another one of its backend is what it would have found itself; and where the other one has found something
// else it is not taken over.
func TestASeatIsSparedWhatAnotherHasFound(t *testing.T) {
	seats := []chain.Seat{1, 2, 3}
	first := newKeygens(t, signer.FROST, seats, 2)
	require.Empty(t, first.play(t))
	other := newKeygens(t, signer.FROST, seats, 2)
	require.Empty(t, other.play(t))

	for name, before := range map[string]*Keygen{"of the same key": first.parties[1], "of another key": other.parties[1]} {
		known := before.public
		require.NotNil(t, known)
		for _, seat := range seats[1:] {
			k := first.parties[seat]
			k.After(before)
			require.Same(t, known, k.public)
			share, err := k.share(k.run.result)
			require.NoError(t, err, name)
			want, err := k.Share()
			require.NoError(t, err)
			require.Equal(t, want, share, name)
			require.NoError(t, share.Check(), name)
			require.Equal(t, before == first.parties[1], k.public == known, name)
		}
	}

	shares := map[chain.Seat]Share{}
	for _, seat := range seats {
		share, err := first.parties[seat].Share()
		require.NoError(t, err)
		shares[seat] = share
	}
	one, two := shares[1], shares[2]
	two.After(&one)
	shares[1], shares[2] = one, two
	signing := newSignings(t, shares, seats[:2], [32]byte{1})
	require.Len(t, one.points, 2, "each point is read once")
	require.Empty(t, signing.play(t), "and written to by nobody else")

	done, digest := signing.parties[1], [32]byte{2}
	again := newSignings(t, shares, seats[:2], digest)
	again.parties[2].After(done)
	require.Zero(t, again.parties[2].found, "of another digest")
	forged := &Signing{scheme: done.scheme, key: done.key, digest: digest, signature: [64]byte{9}, done: true}
	again.parties[2].After(forged)
	require.Empty(t, again.play(t))
	signature, err := again.parties[2].Signature()
	require.NoError(t, err)
	require.NotEqual(t, forged.signature, signature)
	require.NoError(t, Verify(done.scheme, done.key, digest, signature[:]))
}

// Who was spared nothing verifies, whatever it has found: a signature of zeros too.
func TestASignatureThatNobodyHasVerifiedIsVerified(t *testing.T) {
	seats := []chain.Seat{1, 2}
	keygens := newKeygens(t, signer.FROST, seats, 2)
	require.Empty(t, keygens.play(t))
	share, err := keygens.parties[1].Share()
	require.NoError(t, err)
	s, err := NewSigning([]byte("session"), share, seats, [32]byte{1})
	require.NoError(t, err)
	s.run.result = taproot.Signature(make([]byte, 64))
	_, err = s.finish(Step{Done: true}, nil)
	require.ErrorContains(t, err, "no signature")
	_, err = s.Signature()
	require.ErrorIs(t, err, errUnfinished)
}
