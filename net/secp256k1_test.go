package net

import (
	"crypto/sha256"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
)

// libp2pKeys returns one key as libp2p reads it from a peer ID, and as libp2p's own code has it.
func libp2pKeys(t testing.TB, key *secp256k1.PrivateKey) (ours, theirs crypto.PubKey) {
	t.Helper()
	theirs = (*crypto.Secp256k1PublicKey)(key.PubKey())
	id, err := peer.IDFromPublicKey(theirs)
	require.NoError(t, err)
	ours, err = id.ExtractPublicKey()
	require.NoError(t, err)
	require.IsType(t, secp256k1Key{}, ours)
	return ours, theirs
}

// The keys with which messages are verified are libp2p's in all but speed: names, equality and what is refused.
func TestAKeyIsLibp2ps(t *testing.T) {
	ours, theirs := libp2pKeys(t, secp256k1.PrivKeyFromBytes([]byte{1}))
	other, _ := libp2pKeys(t, secp256k1.PrivKeyFromBytes([]byte{2}))
	require.True(t, ours.Equals(theirs))
	require.True(t, theirs.Equals(ours))
	require.True(t, ours.Equals(ours))
	require.False(t, ours.Equals(other))
	require.False(t, other.Equals(theirs))
	a, err := crypto.MarshalPublicKey(ours)
	require.NoError(t, err)
	b, err := crypto.MarshalPublicKey(theirs)
	require.NoError(t, err)
	require.Equal(t, b, a)

	raw, err := theirs.Raw()
	require.NoError(t, err)
	raw[0] = 5
	_, err = unmarshalSecp256k1(raw)
	require.Error(t, err)
	full, err := unmarshalSecp256k1(secp256k1.PrivKeyFromBytes([]byte{1}).PubKey().SerializeUncompressed())
	require.NoError(t, err)
	require.True(t, full.Equals(theirs), "written in another form")
}

// Whatever is offered as a signature, the two agree: both values of s, ranges, and DER.
func FuzzAKeyVerifiesAsLibp2ps(f *testing.F) {
	key := secp256k1.PrivKeyFromBytes([]byte{7})
	ours, theirs := libp2pKeys(f, key)
	data := []byte("what is signed")
	digest := sha256.Sum256(data)
	sig := ecdsa.Sign(key, digest[:])
	r, s := sig.R(), sig.S()
	s.Negate()
	f.Add(data, sig.Serialize())
	f.Add(data, derOf(r, s))
	f.Add(data, derOf(s, r))
	f.Add(data, derOf(secp256k1.ModNScalar{}, s))
	f.Add(data, []byte{0x30})
	f.Add([]byte("something else"), sig.Serialize())
	f.Fuzz(func(t *testing.T, data, signature []byte) {
		want, wantErr := theirs.Verify(data, signature)
		got, err := ours.Verify(data, signature)
		require.Equal(t, want, got)
		require.Equal(t, wantErr == nil, err == nil)
	})
}

// derOf writes a signature as it is: Serialize writes the low s alone.
func derOf(r, s secp256k1.ModNScalar) []byte {
	number := func(n secp256k1.ModNScalar) []byte {
		raw := n.Bytes()
		b := append([]byte{0}, raw[:]...)
		for len(b) > 1 && b[0] == 0 && b[1] < 0x80 {
			b = b[1:]
		}
		return append([]byte{2, byte(len(b))}, b...)
	}
	body := append(number(r), number(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}
