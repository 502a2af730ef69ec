package net

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/internal/wire"
)

// netVectors is what of the reference client's net.json concerns the host: the keys it is given and what they sign.
type netVectors struct {
	Identities []struct{ Address, PeerID, PrivateKey string }
	Envelopes  []struct {
		Envelope, Payload, PrivateKey, Type string
		SequenceNumber                      uint64
	}
	PubsubMessages []struct{ Message, PrivateKey, Signature string }
}

func loadNetVectors(t *testing.T) netVectors {
	t.Helper()
	raw, err := os.ReadFile("../internal/wire/testdata/net.json")
	require.NoError(t, err)
	var v netVectors
	require.NoError(t, json.Unmarshal(raw, &v))
	require.NotEmpty(t, v.Identities)
	require.NotEmpty(t, v.Envelopes)
	require.NotEmpty(t, v.PubsubMessages)
	return v
}

func vectorKey(t *testing.T, text string) *secp256k1.PrivateKey {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	return secp256k1.PrivKeyFromBytes(raw)
}

// A host is the operator's, and signs as the reference client does. The key is where it signs, and nowhere else.
func TestVectorsOperatorKey(t *testing.T) {
	v := loadNetVectors(t)
	for _, id := range v.Identities {
		withCluster(t, func(t *testing.T, c *cluster) {
			m := c.add(1, func(cfg *Config) { cfg.Operator = vectorKey(t, id.PrivateKey) })
			require.Equal(t, id.Address, m.Operator().String())
			author, err := peer.Decode(id.PeerID)
			require.NoError(t, err)
			require.Equal(t, author, peer.ID(m.key.PeerID()))
			require.Nil(t, m.lh.Peerstore().PrivKey(author))
		})
	}
	for _, message := range v.PubsubMessages {
		withCluster(t, func(t *testing.T, c *cluster) {
			host := c.add(1, func(cfg *Config) { cfg.Operator = vectorKey(t, message.PrivateKey) })
			raw, err := hex.DecodeString(message.Message)
			require.NoError(t, err)
			m := new(pb.Message)
			require.NoError(t, proto.Unmarshal(raw, m))
			m.Signature = nil
			host.traffic.sign(&pubsub.Message{Message: m})
			require.Equal(t, message.Signature, hex.EncodeToString(m.GetSignature()))
			signed, err := proto.Marshal(m)
			require.NoError(t, err)
			require.Equal(t, message.Message, hex.EncodeToString(signed))
		})
	}
}

func TestVectorsSeal(t *testing.T) {
	sealed := 0
	for _, e := range loadNetVectors(t).Envelopes {
		if e.Type != wire.CoordinationMessage {
			continue
		}
		payload, err := hex.DecodeString(e.Payload)
		require.NoError(t, err)
		require.Equal(t, e.Envelope, hex.EncodeToString(Seal(wire.PublicKeyOf(vectorKey(t, e.PrivateKey)), payload, e.SequenceNumber)))
		sealed++
	}
	require.NotZero(t, sealed)
}
