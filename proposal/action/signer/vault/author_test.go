package vault

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// The vault's own check of a signature says what the network's says, of high and low signatures and of broken ones.
func TestSignaturesAreCheckedAsTheNetworkDoes(t *testing.T) {
	var a authors
	rapid.Check(t, func(t *rapid.T) {
		seed := sha256.Sum256(rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(t, "seed"))
		key := secp256k1.PrivKeyFromBytes(seed[:])
		m := wire.SignPubsub(key, "topic", rapid.SliceOf(rapid.Byte()).Draw(t, "data"), nil)
		var raw pb.PubsubMessage
		require.NoError(t, proto.Unmarshal(m.Bytes(), &raw))
		if rapid.Bool().Draw(t, "high") {
			sig, err := ecdsa.ParseDERSignature(raw.GetSignature())
			require.NoError(t, err)
			r, s := sig.R(), sig.S()
			raw.Signature = der(r.Bytes(), s.Negate().Bytes())
		}
		if i := rapid.IntRange(-20, len(raw.GetSignature())-1).Draw(t, "broken"); i >= 0 {
			raw.Signature[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		}
		if rapid.Bool().Draw(t, "other data") {
			raw.Data = append(raw.Data, 1)
		}
		changed, err := proto.Marshal(&raw)
		require.NoError(t, err)
		m, err = wire.ParsePubsub(changed)
		require.NoError(t, err)
		want, wantErr := m.Verify()
		got, err := a.verify(m)
		require.Equal(t, wantErr == nil, err == nil, "%v, %v", wantErr, err)
		if err == nil {
			require.Equal(t, want, got.Key)
			require.Equal(t, want.Operator(), got.Operator)
		}
	})
}

// der spells a signature, also one whose s is above half the group's order.
func der(r, s [32]byte) []byte {
	number := func(b [32]byte) []byte {
		n := b[:]
		for len(n) > 1 && n[0] == 0 {
			n = n[1:]
		}
		if n[0] >= 0x80 {
			n = append([]byte{0}, n...)
		}
		return append([]byte{2, byte(len(n))}, n...)
	}
	body := append(number(r), number(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestAuthorsAreBounded(t *testing.T) {
	var a authors
	for i := range maxAuthors + 10 {
		seed := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))
		_, err := a.find(wire.PublicKeyOf(secp256k1.PrivKeyFromBytes(seed[:])).PeerID())
		require.NoError(t, err)
	}
	require.Len(t, a.known, 10)
	_, err := a.find([]byte("nobody"))
	require.Error(t, err)
	require.Len(t, a.known, 10)
}
