package wire_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

func TestVectorsEnvelopes(t *testing.T) {
	for _, v := range loadVectors(t).Envelopes {
		want := wire.Envelope{
			Sender:   wire.PublicKeyOf(privateKey(t, v.PrivateKey)),
			Payload:  unhex(t, v.Payload),
			Type:     v.Type,
			Sequence: v.SequenceNumber,
		}
		require.Equal(t, v.Envelope, hex.EncodeToString(wire.EncodeEnvelope(want)))
		got, err := wire.DecodeEnvelope(unhex(t, v.Envelope), want.Sender.PeerID())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestVectorsMalformedEnvelopes(t *testing.T) {
	wantErr := map[string]error{
		"sender-not-the-author":                   wire.ErrSender,
		"sender-raw-key-without-identity-wrapper": wire.ErrKey,
		"sender-ed25519":                          wire.ErrKeyType,
		"type-missing":                            wire.ErrMessageType,
		"empty":                                   wire.ErrMessageType,
	}
	for _, v := range loadVectors(t).MalformedEnvelopes {
		t.Run(v.Name, func(t *testing.T) {
			from, err := peer.Decode(v.From)
			require.NoError(t, err)
			got, err := wire.DecodeEnvelope(unhex(t, v.Envelope), []byte(from))
			switch {
			case v.Outcome == "delivered":
				require.NoError(t, err)
				sender := got.Sender.Uncompressed()
				require.Equal(t, v.SenderPublicKey, hex.EncodeToString(sender[:]))
				require.Equal(t, v.Seqno, got.Sequence)
			case v.Name == "payload-refused-by-unmarshaler":
				// The vector's unmarshaler refuses this payload; the envelope around it is sound.
				require.NoError(t, err)
				require.Equal(t, "bad", string(got.Payload))
			default:
				require.ErrorIs(t, err, wantErr[v.Name])
				require.Zero(t, got)
			}
		})
	}
}

func TestEnvelopeBounds(t *testing.T) {
	_, err := wire.DecodeEnvelope(make([]byte, wire.MaxMessage+1), nil)
	require.ErrorIs(t, err, wire.ErrTooLarge)
	_, err = wire.DecodeEnvelope([]byte{0x0a, 0x7f}, nil)
	require.ErrorIs(t, err, wire.ErrMalformed)
}

func TestChannelName(t *testing.T) {
	v := loadVectors(t).Identities[0]
	key, err := chain.ParsePublicKey(v.PublicKeyUncompressed)
	require.NoError(t, err)
	name := "tbtc-" + v.PublicKeyUncompressed + "-coordination"
	require.Equal(t, name, wire.ChannelName(key))

	read, err := wire.ParseChannelName(name)
	require.NoError(t, err)
	require.Equal(t, key, read)
	for _, other := range []string{
		"", name[1:], name + "s", "tbtc-" + v.PublicKeyUncompressed, "tbtc-0x" + v.PublicKeyUncompressed + "-coordination",
		"tbtc-" + strings.ToUpper(v.PublicKeyUncompressed) + "-coordination", "tbtc-04" + strings.Repeat("00", 64) + "-coordination",
	} {
		_, err := wire.ParseChannelName(other)
		require.ErrorIs(t, err, wire.ErrMalformed, other)
	}
}

// What decodes is encoded to something that decodes to the same.
func FuzzDecodeEnvelope(f *testing.F) {
	v := loadVectors(f)
	for _, e := range v.Envelopes {
		f.Add(unhex(f, e.Envelope), wire.PublicKeyOf(privateKey(f, e.PrivateKey)).PeerID())
	}
	for _, e := range v.MalformedEnvelopes {
		from, err := peer.Decode(e.From)
		require.NoError(f, err)
		f.Add(unhex(f, e.Envelope), []byte(from))
	}
	f.Fuzz(func(t *testing.T, data, from []byte) {
		first, err := wire.DecodeEnvelope(data, from)
		if author, unknown := wire.ParseAuthor(from); unknown == nil {
			same, sameErr := author.DecodeEnvelope(data)
			require.Equal(t, first, same)
			require.Equal(t, err, sameErr)
		}
		if err != nil {
			return
		}
		require.Equal(t, from, first.Sender.PeerID())
		second, err := wire.DecodeEnvelope(wire.EncodeEnvelope(first), from)
		require.NoError(t, err)
		require.Equal(t, first, second)
	})
}

// Whatever is spelled otherwise than everybody spells it is read the long way, and means the same.
func TestAnAuthorReadsEnvelopesInAnySpelling(t *testing.T) {
	me := wire.PublicKeyOf(secp256k1.PrivKeyFromBytes([]byte{1}))
	author, err := wire.ParseAuthor(me.PeerID())
	require.NoError(t, err)
	data := wire.EncodeEnvelope(wire.Envelope{Sender: me, Payload: []byte("payload"), Type: wire.CoordinationMessage, Sequence: 300})
	require.InDelta(t, 1, testing.AllocsPerRun(10, func() { _, _ = author.DecodeEnvelope(data) }), 0, "the payload is copied, and nothing else")
	check := func(data []byte) {
		want, wantErr := wire.DecodeEnvelope(data, me.PeerID())
		got, err := author.DecodeEnvelope(data)
		require.Equal(t, want, got)
		require.Equal(t, wantErr, err)
	}
	check(data)
	for at := range data {
		check(slices.Delete(slices.Clone(data), at, at+1))
		for _, b := range []byte{0, 1, 2, 0x0a, 0x12, 0x1a, 0x20, 0x7f, 0x80, 0xff} {
			check(slices.Insert(slices.Clone(data), at, b))
			other := slices.Clone(data)
			other[at] = b
			check(other)
		}
	}
	for _, e := range []wire.Envelope{
		{Sender: me, Type: wire.CoordinationMessage},
		{Sender: me, Type: wire.CoordinationMessage, Sequence: 1},
		{Sender: me, Payload: []byte("x"), Type: wire.CoordinationMessage},
		{Sender: me, Payload: []byte("x"), Type: "else", Sequence: 1},
		{Payload: []byte("x"), Type: wire.CoordinationMessage, Sequence: 1},
	} {
		check(wire.EncodeEnvelope(e))
	}
	check(append(wire.EncodeEnvelope(wire.Envelope{Sender: me, Type: wire.CoordinationMessage}), 0x20, 0))
	check(append(slices.Clone(data), make([]byte, wire.MaxMessage)...))

	var none wire.Author // nobody's, and reads nothing
	_, err = none.DecodeEnvelope(wire.EncodeEnvelope(wire.Envelope{Type: wire.CoordinationMessage}))
	require.ErrorIs(t, err, wire.ErrKey)
}

// A sender may be spelled in other ways than everybody's; the author's shortcut must not notice.
func TestAnAuthorReadsEnvelopesAsAnybodyDoes(t *testing.T) {
	me, other := wire.PublicKeyOf(secp256k1.PrivKeyFromBytes([]byte{1})), wire.PublicKeyOf(secp256k1.PrivKeyFromBytes([]byte{2}))
	author, err := wire.ParseAuthor(me.PeerID())
	require.NoError(t, err)
	require.Equal(t, me, author.Key)
	require.Equal(t, me.Operator(), author.Operator)
	seal := func(sender []byte) []byte {
		data, err := proto.Marshal(&pb.BroadcastNetworkMessage{
			Sender: sender, Payload: []byte("x"), Type: []byte(wire.CoordinationMessage), SequenceNumber: 1,
		})
		require.NoError(t, err)
		return data
	}
	unknownField := append(me.Sender(), 0x98, 0x06, 0x05)
	for name, c := range map[string]struct {
		sender []byte
		want   error
	}{
		"as everybody spells it": {me.Sender(), nil},
		"with an unknown field":  {unknownField, nil},
		"of somebody else":       {other.Sender(), wire.ErrSender},
		"of nobody":              {nil, wire.ErrKey},
	} {
		same, err := author.DecodeEnvelope(seal(c.sender))
		require.ErrorIs(t, err, c.want, name)
		want, wantErr := wire.DecodeEnvelope(seal(c.sender), me.PeerID())
		require.Equal(t, want, same, name)
		require.Equal(t, wantErr, err, name)
	}
	_, err = wire.ParseAuthor([]byte("no peer ID"))
	require.ErrorIs(t, err, wire.ErrKey)
}
