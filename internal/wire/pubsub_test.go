package wire_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

func TestVectorsPubsubMessages(t *testing.T) {
	for _, v := range loadVectors(t).PubsubMessages {
		key := privateKey(t, v.PrivateKey)
		signed := wire.SignPubsub(key, v.Topic, unhex(t, v.Data), unhex(t, v.Seqno))
		require.Equal(t, v.Message, hex.EncodeToString(signed.Bytes()))

		m, err := wire.ParsePubsub(unhex(t, v.Message))
		require.NoError(t, err)
		author, err := m.Verify()
		require.NoError(t, err)
		require.Equal(t, wire.PublicKeyOf(key), author)
		require.Equal(t, author.PeerID(), m.From())
		require.Equal(t, v.Data, hex.EncodeToString(m.Data()))
		require.Equal(t, v.Seqno, hex.EncodeToString(m.Seqno()))
		require.Equal(t, v.Signature, hex.EncodeToString(m.Signature()))
		require.Equal(t, v.Topic, m.Topic())

		normal, err := m.NormalizeLowS()
		require.NoError(t, err)
		require.Equal(t, v.Message, hex.EncodeToString(normal))
	}
}

// change parses the first vector, lets f change it, and encodes it again.
func change(t *testing.T, f func(m *pb.PubsubMessage)) []byte {
	t.Helper()
	m := new(pb.PubsubMessage)
	require.NoError(t, proto.Unmarshal(unhex(t, loadVectors(t).PubsubMessages[1].Message), m))
	f(m)
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

// highS returns the DER form of the same signature with s replaced by n-s.
func highS(t *testing.T, der []byte) []byte {
	t.Helper()
	sig, err := ecdsa.ParseDERSignature(der)
	require.NoError(t, err)
	r, s := sig.R(), sig.S()
	s.Negate()
	require.True(t, s.IsOverHalfOrder())
	rb, sb := r.Bytes(), s.Bytes()
	part := func(b []byte) []byte {
		b = bytes.TrimLeft(b, "\x00")
		if b[0] >= 0x80 {
			b = append([]byte{0}, b...)
		}
		return append([]byte{0x02, byte(len(b))}, b...)
	}
	body := append(part(rb[:]), part(sb[:])...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestR2HighSIsAcceptedAndStoredLow(t *testing.T) {
	original := change(t, func(*pb.PubsubMessage) {})
	malleated := change(t, func(m *pb.PubsubMessage) { m.Signature = highS(t, m.GetSignature()) })
	require.NotEqual(t, original, malleated)

	m, err := wire.ParsePubsub(malleated)
	require.NoError(t, err)
	_, err = m.Verify()
	require.NoError(t, err)

	// libp2p agrees: what the network relays must not be lost here.
	key, err := crypto.UnmarshalSecp256k1PublicKey(m.From()[6:])
	require.NoError(t, err)
	ok, err := key.Verify(m.SignedBytes(), m.Signature())
	require.NoError(t, err)
	require.True(t, ok)

	normal, err := m.NormalizeLowS()
	require.NoError(t, err)
	require.Equal(t, original, normal)
}

func TestR2AttachedKeyIsDroppedFromEvidence(t *testing.T) {
	original := change(t, func(*pb.PubsubMessage) {})
	m, err := wire.ParsePubsub(change(t, func(m *pb.PubsubMessage) { m.Key = m.GetFrom()[2:] }))
	require.NoError(t, err)
	_, err = m.Verify()
	require.NoError(t, err)
	normal, err := m.NormalizeLowS()
	require.NoError(t, err)
	require.Equal(t, original, normal)
}

func TestR2UnknownFieldsAreKeptAndSigned(t *testing.T) {
	v := loadVectors(t).PubsubMessages[0]
	key := privateKey(t, v.PrivateKey)
	unknown := []byte{0x98, 0x06, 0x05} // field 99 = 5

	withUnknown := append(unhex(t, v.Message), unknown...)
	m, err := wire.ParsePubsub(withUnknown)
	require.NoError(t, err)
	require.Equal(t, withUnknown, m.Bytes())
	_, err = m.Verify()
	require.ErrorIs(t, err, wire.ErrSignature, "a field added by a forwarder breaks the signature")

	digest := sha(m.SignedBytes())
	raw := new(pb.PubsubMessage)
	require.NoError(t, proto.Unmarshal(withUnknown, raw))
	raw.Signature = ecdsa.Sign(key, digest).Serialize()
	resigned, err := proto.Marshal(raw)
	require.NoError(t, err)
	m, err = wire.ParsePubsub(resigned)
	require.NoError(t, err)
	_, err = m.Verify()
	require.NoError(t, err)
	normal, err := m.NormalizeLowS()
	require.NoError(t, err)
	require.Equal(t, resigned, normal)
}

func TestR6SignaturesThatAreRejected(t *testing.T) {
	other := wire.PublicKeyOf(secp256k1.PrivKeyFromBytes([]byte{9}))
	for name, f := range map[string]func(m *pb.PubsubMessage){
		"data changed":         func(m *pb.PubsubMessage) { m.Data[50] ^= 1 },
		"seqno changed":        func(m *pb.PubsubMessage) { m.Seqno[0] ^= 1 },
		"seqno dropped":        func(m *pb.PubsubMessage) { m.Seqno = nil },
		"topic changed":        func(m *pb.PubsubMessage) { m.Topic = proto.String("tbtc-x-coordination") },
		"another author":       func(m *pb.PubsubMessage) { m.From = other.PeerID() },
		"no author":            func(m *pb.PubsubMessage) { m.From = nil },
		"author without a key": func(m *pb.PubsubMessage) { m.From = append([]byte{0x12, 0x20}, make([]byte, 32)...) },
		"key of another":       func(m *pb.PubsubMessage) { m.Key = other.Libp2p() },
		"key empty":            func(m *pb.PubsubMessage) { m.Key = []byte{} },
		"no signature":         func(m *pb.PubsubMessage) { m.Signature = nil },
		"signature cut":        func(m *pb.PubsubMessage) { m.Signature = m.Signature[:60] },
		"signature with tail":  func(m *pb.PubsubMessage) { m.Signature = append(m.Signature, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			m, err := wire.ParsePubsub(change(t, f))
			require.NoError(t, err)
			_, err = m.Verify()
			require.ErrorIs(t, err, wire.ErrSignature)
		})
	}
}

func TestPubsubBounds(t *testing.T) {
	_, err := wire.ParsePubsub(make([]byte, wire.MaxMessage+1))
	require.ErrorIs(t, err, wire.ErrTooLarge)
	_, err = wire.ParsePubsub([]byte{0x0a, 0x7f})
	require.ErrorIs(t, err, wire.ErrMalformed)
	empty, err := wire.ParsePubsub(nil)
	require.NoError(t, err)
	_, err = empty.Verify()
	require.ErrorIs(t, err, wire.ErrSignature)
	_, err = empty.NormalizeLowS()
	require.ErrorIs(t, err, wire.ErrSignature)
}

// requireNormalized holds the short way of normalising a message against the long one.
func requireNormalized(t *testing.T, message []byte) {
	t.Helper()
	before := bytes.Clone(message)
	got, err := wire.Normalize(message)
	require.Equal(t, before, message)
	m, wantErr := wire.ParsePubsub(message)
	var want []byte
	if wantErr == nil {
		want, wantErr = m.NormalizeLowS()
	}
	require.Equal(t, wantErr, err)
	require.Equal(t, want, got)
}

func TestR2MessagesAreNormalizedWhateverTheirSpelling(t *testing.T) {
	original := change(t, func(*pb.PubsubMessage) {})
	same, err := wire.Normalize(original)
	require.NoError(t, err)
	require.Same(t, &original[0], &same[0], "what is normal already is not copied")
	for name, f := range map[string]func(m *pb.PubsubMessage){
		"as it is":                 func(*pb.PubsubMessage) {},
		"high s":                   func(m *pb.PubsubMessage) { m.Signature = highS(t, m.GetSignature()) },
		"with its key":             func(m *pb.PubsubMessage) { m.Key = m.GetFrom()[2:] },
		"with an empty key":        func(m *pb.PubsubMessage) { m.Key = []byte{} },
		"without sequence number":  func(m *pb.PubsubMessage) { m.Seqno = nil },
		"empty topic":              func(m *pb.PubsubMessage) { m.Topic = proto.String("") },
		"topic that is no text":    func(m *pb.PubsubMessage) { m.Topic = proto.String("ÿ") },
		"with an unknown field":    func(m *pb.PubsubMessage) { m.ProtoReflect().SetUnknown([]byte{0x98, 0x06, 0x05}) },
		"no signature":             func(m *pb.PubsubMessage) { m.Signature = nil },
		"signature with something": func(m *pb.PubsubMessage) { m.Signature = append(m.Signature, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			message := change(t, f)
			requireNormalized(t, message)
			requireNormalized(t, append(message, message[:len(message)-1]...)) // every field twice, the last one cut
			requireNormalized(t, append(bytes.Clone(message), 0x1a, 0x01, 0x07))
		})
	}
	requireNormalized(t, make([]byte, wire.MaxMessage+1))
}

// The parsed form is stable under encoding, and normalising never changes who signed or what.
func FuzzParsePubsub(f *testing.F) {
	for _, v := range loadVectors(f).PubsubMessages {
		f.Add(unhex(f, v.Message))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		requireNormalized(t, data)
		m, err := wire.ParsePubsub(data)
		if err != nil {
			return
		}
		again, err := wire.ParsePubsub(m.Bytes())
		require.NoError(t, err)
		require.Equal(t, m.Bytes(), again.Bytes())
		require.Equal(t, m.SignedBytes(), again.SignedBytes())
		author, verr := m.Verify()
		normal, err := m.NormalizeLowS()
		if err != nil {
			require.Error(t, verr)
			return
		}
		low, err := wire.ParsePubsub(normal)
		require.NoError(t, err)
		require.Equal(t, m.SignedBytes(), low.SignedBytes())
		if verr == nil {
			same, err := low.Verify()
			require.NoError(t, err)
			require.Equal(t, author, same)
		}
	})
}
