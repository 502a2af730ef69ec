package net

import (
	"fmt"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// forgeUnknown signs a message with n bytes of an unknown field beside the envelope.
func forgeUnknown(t *testing.T, by byte, w chain.Wallet, envelope []byte, copyOf uint64, n int) *pb.Message {
	t.Helper()
	m := forge(t, by, w, envelope, copyOf)
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), make([]byte, n)))
	m.Signature = nil
	key, err := crypto.UnmarshalSecp256k1PrivateKey(operatorKey(by).Serialize())
	require.NoError(t, err)
	signature, err := key.Sign(appendSigned(nil, m))
	require.NoError(t, err)
	m.Signature = signature
	return m
}

// What is counted is what the author signs, however the message is spelled, and a message that pubsub has named keeps its
// name.
func TestSizeAndIdentityAreOfWhatIsSigned(t *testing.T) {
	w := testWallet(t, 1, 1, 2, 3)
	plain := forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, "x")), 1)
	for name, m := range map[string]*pb.Message{
		"plain":             plain,
		"high s":            highS(t, plain),
		"no signature":      {From: plain.From, Data: plain.Data, Seqno: plain.Seqno, Topic: plain.Topic},
		"empty signature":   {Data: plain.Data, Signature: []byte{}},
		"with a key":        withKey(plain, paddedKey(2, 300)),
		"with an empty key": withKey(plain, []byte{}),
		"unknown field":     forgeUnknown(t, 2, w, plain.Data, 1, 200),
		"empty topic":       {Topic: new(string)},
		"nothing":           {},
	} {
		require.Equal(t, len(appendSigned(nil, m)), signedSize(m), name)
		require.Equal(t, messageID(m), identity(&pubsub.Message{Message: m}), name)
		id := messageID(m)
		require.Equal(t, id, identity(&pubsub.Message{ID: string(id[:]), Message: m}), name)
	}
}

// withKey adds a key field, which nobody signs.
func withKey(m *pb.Message, key []byte) *pb.Message {
	changed := proto.CloneOf(m)
	changed.Key = key
	return changed
}

// paddedKey is an author's key as libp2p reads it, with n bytes of an unknown field.
func paddedKey(author byte, n int) []byte {
	key := protowire.AppendTag(mustKey(author).Libp2p(), 99, protowire.BytesType)
	return protowire.AppendBytes(key, make([]byte, n))
}

// highS is the same message under the other signature that anybody can make of one: n-s for s.
func highS(t *testing.T, m *pb.Message) *pb.Message {
	t.Helper()
	low, err := ecdsa.ParseDERSignature(m.GetSignature())
	require.NoError(t, err)
	r, s := low.R(), low.S()
	s.Negate()
	changed := proto.CloneOf(m)
	changed.Signature = der(r, s)
	return changed
}

// der writes a signature without lowering its s, as Serialize would.
func der(r, s secp256k1.ModNScalar) []byte {
	integer := func(x secp256k1.ModNScalar) []byte {
		b := x.Bytes()
		n := append([]byte{0}, b[:]...) // DER: no more leading zeros than its sign needs
		for len(n) > 1 && n[0] == 0 && n[1] < 0x80 {
			n = n[1:]
		}
		return append([]byte{0x02, byte(len(n))}, n...)
	}
	body := append(integer(r), integer(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

// A leader signs two statements under one sequence number and tells one to each of two nodes, which tell each other and
// a third.
func TestR3TwoStatementsUnderOneSequenceNumberAreBothHeard(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3, 4)
		c.mn.SetLinkDefaults(mocknet.LinkOptions{Latency: 50 * time.Millisecond})
		a, b, d := c.add(1), c.add(2), c.add(3)
		onA, onB, onD := a.join(t, w), b.join(t, w), d.join(t, w)
		c.connect(a.lh, b.lh)
		c.connect(b.lh, d.lh)
		c.connect(a.lh, d.lh)
		leader := c.operatorHost(4)
		for _, m := range []*member{a, b, d} {
			c.connect(leader, m.lh)
		}
		c.settle()
		post(t, leader, a.ID(), forge(t, 4, w, sealed(4, testPayload(w.ID(), 900, "P1")), 7))
		post(t, leader, b.ID(), forge(t, 4, w, sealed(4, testPayload(w.ID(), 900, "P2")), 7))
		c.settle()
		for name, ch := range map[string]*Channel{"a": onA, "b": onB, "d": onD} {
			require.ElementsMatch(t, []string{"P1", "P2"}, said(ch.Take(900)), name)
		}
	})
}

// A forwarder that is faster than the author pads what the author did not sign.
func TestR6PaddingThatNobodySignedNeitherHidesNorHurts(t *testing.T) {
	for name, key := range map[string][]byte{
		"the author's key, padded": paddedKey(3, 70_000),
		"the author's key":         mustKey(3).Libp2p(),
		"another key":              mustKey(2).Libp2p(),
		"garbage":                  []byte("garbage"),
		"nothing":                  {},
	} {
		t.Run(name, func(t *testing.T) {
			withCluster(t, func(t *testing.T, c *cluster) {
				w := testWallet(t, 1, 1, 2, 3, 4)
				a, b := c.add(1), c.add(4)
				ch, onB := a.join(t, w), b.join(t, w)
				mallory, leader := c.operatorHost(2), c.operatorHost(3)
				c.connect(a.lh, b.lh)
				c.connect(mallory, a.lh)
				c.connect(leader, a.lh)
				c.settle()
				messages := make([]*pb.Message, maxCopies)
				for i := range messages {
					messages[i] = forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, "honest")), uint64(i))
					inject(t, mallory, a.ID(), withKey(messages[i], key))
					inject(t, leader, a.ID(), messages[i])
				}
				for range 3 {
					time.Sleep(seenTTL + time.Minute) // pubsub forgets
					for _, m := range messages {
						inject(t, mallory, a.ID(), withKey(m, key))
					}
				}
				c.settle()
				require.True(t, c.connected(a.lh, leader))
				require.Empty(t, a.peer(t, leader).LastError)
				want, err := proto.Marshal(messages[0])
				require.NoError(t, err)
				for _, heard := range [][]Message{ch.Take(900), onB.Take(900)} {
					require.Equal(t, []string{"honest"}, said(heard))
					require.Equal(t, want, heard[0].Signed, "without the key, for whom it is relayed to as well")
				}
			})
		})
	}
}

// What is padded is not passed on: neighbours would have us pay for it.
func TestR6WhatNobodySignedIsNotRelayed(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a := c.add(1)
		a.join(t, w)
		m := withKey(forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, "x")), 1), paddedKey(3, 500_000))
		left := a.traffic.sieve(a.ID(), []*pb.Message{m})
		require.Len(t, left, 1)
		require.Nil(t, left[0].Key)
	})
}

// Anybody can turn a signature's s around. Nodes that hear different spellings first record the same evidence.
func TestR2EvidenceIsNormalisedOnItsWayFromTheNetwork(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b := c.add(1), c.add(2)
		onA, onB := a.join(t, w), b.join(t, w)
		author := c.operatorHost(3)
		c.connect(author, a.lh)
		c.connect(author, b.lh)
		c.settle()
		low := forge(t, 3, w, sealed(3, testPayload(w.ID(), 900, "x")), 1)
		high := highS(t, low)
		require.NotEqual(t, low.GetSignature(), high.GetSignature())
		require.Equal(t, messageID(low), messageID(high))
		inject(t, author, a.ID(), withKey(high, paddedKey(3, 100)), low)
		inject(t, author, b.ID(), low, high)
		want, err := proto.Marshal(low)
		require.NoError(t, err)
		for name, got := range map[string][]Message{"high first": onA.Take(900), "low first": onB.Take(900)} {
			require.Len(t, got, 1, name)
			require.Equal(t, want, got[0].Signed, name)
			m, err := wire.ParsePubsub(got[0].Signed)
			require.NoError(t, err)
			_, err = m.Verify()
			require.NoError(t, err)
		}
		require.EqualValues(t, 1, a.Counters().Delivered)
		require.Zero(t, a.Counters().Copies, "the other spelling is the same message")
	})
}

// A forged message on its way has nobody told not to send the real one.
func TestR6AForgeryIsNoReasonToRefuseTheRealMessage(t *testing.T) {
	withCluster(t, func(t *testing.T, c *cluster) {
		w := testWallet(t, 1, 1, 2, 3)
		a, b := c.add(1), c.add(2)
		onA := a.join(t, w)
		b.join(t, w)
		mallory := c.operatorHost(3)
		author := c.operatorHost(2)
		c.connect(a.lh, b.lh)
		c.connect(mallory, a.lh)
		c.connect(author, b.lh)
		c.settle()
		long := fmt.Sprintf("%02000d", 1) // beyond gossipsub's threshold
		m := forge(t, 2, w, sealed(2, testPayload(w.ID(), 900, long)), 1)
		forged := proto.CloneOf(m)
		forged.Signature = []byte("forged")
		inject(t, mallory, a.ID(), forged)
		inject(t, author, b.ID(), m)
		require.Equal(t, []string{long}, said(onA.Take(900)))
	})
}

func TestMessageIDIsTheDigestUnderTheSignature(t *testing.T) {
	w := testWallet(t, 1, 1, 2)
	signed := wire.SignPubsub(operatorKey(1), wire.ChannelName(w.Key()), []byte("x"), seqno(1))
	m := new(pb.Message)
	require.NoError(t, proto.Unmarshal(signed.Bytes(), m))
	require.Equal(t, signed.ID(), messageID(m))
	require.Equal(t, signed.SignedBytes(), appendSigned(nil, m))
	unknown := forgeUnknown(t, 1, w, []byte("x"), 1, 5)
	require.NotEqual(t, signed.ID(), messageID(unknown), "unknown fields are signed")
	whole, err := proto.Marshal(unknown)
	require.NoError(t, err)
	parsed, err := wire.ParsePubsub(whole)
	require.NoError(t, err)
	require.Equal(t, parsed.ID(), messageID(unknown))
	_, err = parsed.Verify()
	require.NoError(t, err)
	stranger := withKey(&pb.Message{From: []byte("no operator's peer ID")}, []byte("its key"))
	dropKey(stranger)
	require.NotNil(t, stranger.Key, "its key is nowhere else")
}
