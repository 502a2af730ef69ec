package wire_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/stretchr/testify/require"
)

// vectors is testdata/net.json, made by the reference client. All bytes are hex.
type vectors struct {
	Identities []struct {
		Address, PeerIDBytes, PrivateKey, PublicKeyCompressed, PublicKeyUncompressed, SenderField string
	}
	Envelopes []struct {
		Envelope, Payload, PrivateKey, Type string
		SequenceNumber                      uint64
	}
	PubsubMessages []struct {
		Data, Message, PrivateKey, Seqno, Signature, Topic string
	}
	MalformedEnvelopes []struct {
		Envelope, From, Name, Outcome, SenderPublicKey string
		Seqno                                          uint64
	}
}

func loadVectors(tb testing.TB) vectors {
	tb.Helper()
	raw, err := os.ReadFile("testdata/net.json")
	require.NoError(tb, err)
	var v vectors
	require.NoError(tb, json.Unmarshal(raw, &v))
	require.NotEmpty(tb, v.Identities)
	require.NotEmpty(tb, v.Envelopes)
	require.NotEmpty(tb, v.PubsubMessages)
	require.NotEmpty(tb, v.MalformedEnvelopes)
	return v
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(tb, err)
	return b
}

func privateKey(tb testing.TB, s string) *secp256k1.PrivateKey {
	tb.Helper()
	return secp256k1.PrivKeyFromBytes(unhex(tb, s))
}

func sha(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
