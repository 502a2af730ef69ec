package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/faults/evidence/heads"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
)

const chainID = 11155111

// secret makes a private key; equal seeds give equal keys.
func secret(seed byte) *secp256k1.PrivateKey { return secp256k1.PrivKeyFromBytes([]byte{seed}) }

// operators are addresses that were derived once.
var operators = map[byte]chain.Operator{}

func operator(seed byte) chain.Operator {
	if _, ok := operators[seed]; !ok {
		operators[seed] = wire.PublicKeyOf(secret(seed)).Operator()
	}
	return operators[seed]
}

// walletKey makes a wallet's public key.
func walletKey(seed byte) chain.PublicKey {
	return chain.PublicKey(wire.PublicKeyOf(secret(seed)).Uncompressed())
}

var ourWallet = walletKey(200)

// words are what an operator says; each field can be what an honest client would never send.
type words struct {
	key      byte
	seat     chain.Seat
	block    chain.Height
	wallet   chain.PublicKey // in the payload
	topic    string          // empty for the wallet's
	kind     string          // empty for a coordination message
	sender   byte            // in the envelope; 0 for the signer
	proposal proposal.Proposal
	payload  []byte // instead of all that belongs into one
	sequence uint64
	seqno    uint64
}

func heartbeat(n byte) proposal.Proposal { return proposal.Heartbeat{Message: [16]byte{15: n}} }

func redemption(fee int64) proposal.Proposal {
	return proposal.Redemption{OutputScripts: [][]byte{append([]byte{0, 20}, bytes.Repeat([]byte{7}, 20)...)}, TxFee: big.NewInt(fee)}
}

// honest is what the operator of key 1 says first.
func honest() words {
	return words{key: 1, seat: 3, block: 1800, wallet: ourWallet, proposal: redemption(1000), sequence: 1, seqno: 77}
}

func with(change func(w *words)) words {
	w := honest()
	change(&w)
	return w
}

func (w words) signed() wire.PubsubMessage {
	payload := w.payload
	if payload == nil {
		payload = proposal.EncodeMessage(proposal.Message{Sender: w.seat, Block: w.block, Wallet: w.wallet.Hash(), Proposal: w.proposal})
	}
	kind, topic, sender := w.kind, w.topic, w.sender
	if kind == "" {
		kind = wire.CoordinationMessage
	}
	if topic == "" {
		topic = wire.ChannelName(w.wallet)
	}
	if sender == 0 {
		sender = w.key
	}
	envelope := wire.EncodeEnvelope(wire.Envelope{
		Sender: wire.PublicKeyOf(secret(sender)), Payload: payload, Type: kind, Sequence: w.sequence,
	})
	return wire.SignPubsub(secret(w.key), topic, envelope, binary.BigEndian.AppendUint64(nil, w.seqno))
}

func (w words) bytes() []byte { return w.signed().Bytes() }

func statement(t require.TestingT, w words) evidence.Statement {
	s, err := evidence.ReadStatement(w.bytes())
	require.NoError(t, err)
	return s
}

// contradiction returns two statements of one slot, in the order of a proof.
func contradiction(t require.TestingT) [2]evidence.Statement {
	p, err := evidence.Prove(chainID, statement(t, honest()), statement(t, with(func(w *words) { w.proposal = redemption(2000) })))
	require.NoError(t, err)
	return [2]evidence.Statement(p.Statements())
}

// proved returns the proof of contradiction.
func proved(t require.TestingT) []byte {
	both := contradiction(t)
	p, err := evidence.Prove(chainID, both[0], both[1])
	require.NoError(t, err)
	return p.Encode()
}

// forged is a proof that nobody checked, with the digest that makes it look whole.
func forged(t testing.TB, change func(p *pb.Proof), halves ...[]byte) []byte {
	t.Helper()
	raw := &pb.Proof{Version: 1, Kind: pb.ProofKind_PROOF_KIND_TWO_STATEMENTS, Chain: chainID, Halves: halves}
	if change != nil {
		change(raw)
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(raw)
	require.NoError(t, err)
	return resealed(body)
}

// resealed puts the digest behind a proof's other fields, as the description of the format says.
func resealed(body []byte) []byte {
	digest := sha256.Sum256(append([]byte("walletnode-proof:"), body...))
	return append(append(bytes.Clone(body), 0x7a, 0x20), digest[:]...)
}

const sealSize = 34

// trusted is the list of operators of our wallet: keys 1 to 4 hold its seats.
func trusted(t require.TestingT) evidence.Operators {
	return listOf(t, chainID, ourWallet, 1, 2, 1, 3, 4)
}

func listOf(t require.TestingT, id uint64, key chain.PublicKey, seats ...byte) evidence.Operators {
	roster := make([]chain.Operator, len(seats))
	for i, seed := range seats {
		roster[i] = operator(seed)
	}
	wallet, err := chain.NewWallet(key, roster)
	require.NoError(t, err)
	return evidence.Operators{Chain: id, Wallet: wallet}
}

// change encodes a message anew with something in it changed, signed or not.
func change(t require.TestingT, message []byte, f func(m *pb.PubsubMessage)) []byte {
	m := new(pb.PubsubMessage)
	require.NoError(t, proto.Unmarshal(message, m))
	f(m)
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}

// malleate replaces a signature's s by n-s, which anybody can do.
func malleate(t require.TestingT, message []byte) []byte {
	return change(t, message, func(m *pb.PubsubMessage) {
		signature, err := ecdsa.ParseDERSignature(m.GetSignature())
		require.NoError(t, err)
		r, s := signature.R(), signature.S()
		s.Negate()
		rb, sb := r.Bytes(), s.Bytes()
		integer := func(b []byte) []byte {
			b = bytes.TrimLeft(b, "\x00")
			if b[0] >= 0x80 {
				b = append([]byte{0}, b...)
			}
			return append([]byte{2, byte(len(b))}, b...)
		}
		body := append(integer(rb[:]), integer(sb[:])...)
		m.Signature = append([]byte{0x30, byte(len(body))}, body...)
	})
}

// sign signs a message that was changed with the key of its author.
func sign(key byte, m *pb.PubsubMessage) {
	m.Signature, m.Key = nil, nil
	bare, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	digest := sha256.Sum256(append([]byte("libp2p-pubsub:"), bare...))
	m.Signature = ecdsa.Sign(secret(key), digest[:]).Serialize()
}

func requireRefused(t require.TestingT, err error, want evidence.Reason, about string) {
	var refusal *evidence.Refusal
	require.ErrorAs(t, err, &refusal, about)
	require.Equal(t, want, refusal.Reason, "%s: %v", about, err)
	require.NotEmpty(t, err.Error())
}

// secretKey makes the key of one of many wallets.
func secretKey(seed uint16) chain.PublicKey {
	return chain.PublicKey(wire.PublicKeyOf(secp256k1.PrivKeyFromBytes([]byte{1, byte(seed >> 8), byte(seed)})).Uncompressed())
}

// second drops a value beside an error.
func second[T any](_ T, err error) error { return err }

// resigned is a head with another signature over other bytes that say the same.
func resigned(t require.TestingT, h evidence.Head) evidence.Head {
	signed, err := evidence.ReadHead(change(t, h.Signed(), func(m *pb.PubsubMessage) { m.Seqno = []byte{9}; sign(2, m) }))
	require.NoError(t, err)
	require.NotEqual(t, h.Signed(), signed.Signed())
	return signed
}

// heardHead attests that the leader of our wallet spoke in window 1800.
func heardHead(t require.TestingT) *heads.Attested {
	l := heads.NewLedger(chainID, operator(2), evidence.Head{})
	require.NoError(t, l.Put(heard(evidence.Said, statement(t, honest()))))
	a, err := l.Close(1800, some(t, 1))
	require.NoError(t, err)
	a, err = a.With(signHead(t, 2, a.Head).Signed())
	require.NoError(t, err)
	return a
}

func open(t require.TestingT, a *heads.Attested) evidence.Opening {
	o, ok := a.Open(ourWallet.Hash(), 1800)
	require.True(t, ok)
	return o
}
