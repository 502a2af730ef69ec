package evidence_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/coordination"
	"github.com/walletnode/walletnode/faults/evidence"
	"github.com/walletnode/walletnode/internal/wire/pb"
	"github.com/walletnode/walletnode/proposal"
)

func TestAStatementsSlotIsOfWhoSignedIt(t *testing.T) {
	s := statement(t, honest())
	require.Equal(t, evidence.Slot{Wallet: ourWallet.Hash(), Window: 1800, Operator: operator(1)}, s.Slot)
	require.EqualValues(t, 3, s.Seat)
	require.EqualValues(t, 1, s.Sequence)
	require.Equal(t, redemption(1000), s.Proposal)
	require.Equal(t, honest().bytes(), s.Signed())

	// Another's seat does not make it another's statement.
	require.Equal(t, s.Slot, statement(t, with(func(w *words) { w.seat = 1 })).Slot)
}

func TestAStatementIsRefusedWithItsReason(t *testing.T) {
	for about, row := range map[string]struct {
		message []byte
		want    evidence.Reason
	}{
		"nothing":             {nil, evidence.BadSignature},
		"no protobuf":         {[]byte{0xff}, evidence.Malformed},
		"no payload":          {with(func(w *words) { w.payload = []byte{1} }).bytes(), evidence.Malformed},
		"other type":          {with(func(w *words) { w.kind = "tbtc/other" }).bytes(), evidence.OtherType},
		"another's envelope":  {with(func(w *words) { w.sender = 2 }).bytes(), evidence.OtherSender},
		"another's signature": {change(t, honest().bytes(), func(m *pb.PubsubMessage) { sign(2, m) }), evidence.BadSignature},
		"changed payload":     {change(t, honest().bytes(), func(m *pb.PubsubMessage) { m.Data[60] ^= 1 }), evidence.BadSignature},
		"no signature":        {change(t, honest().bytes(), func(m *pb.PubsubMessage) { m.Signature = nil }), evidence.BadSignature},
		"other topic":         {with(func(w *words) { w.topic = "news" }).bytes(), evidence.OtherTopic},
		"another's topic": {
			message: with(func(w *words) { w.topic = "tbtc-" + walletKey(201).String() + "-coordination" }).bytes(),
			want:    evidence.OtherTopic,
		},
		"no window":       {with(func(w *words) { w.block = 1801 }).bytes(), evidence.NoWindow},
		"the first block": {with(func(w *words) { w.block = 0 }).bytes(), evidence.NoWindow},
	} {
		_, err := evidence.ReadStatement(row.message)
		requireRefused(t, err, row.want, about)
	}
}

func TestWindowsAreWhereTheScheduleHasThem(t *testing.T) {
	for _, block := range []chain.Height{1, 100, 450, 899, 900, 901, 1799, 1800, 9000, 1 << 63, 900 * (1<<54 + 1)} {
		_, begins := coordination.RFC12().Window(block)
		_, err := evidence.ReadStatement(with(func(w *words) { w.block = block }).bytes())
		require.Equal(t, begins, err == nil, "block %d: %v", block, err)
	}
}

func TestAStatementKeepsWhatIsSignedAndNothingElse(t *testing.T) {
	padded := change(t, honest().bytes(), func(m *pb.PubsubMessage) {
		m.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 5))
		sign(1, m)
	})
	s, err := evidence.ReadStatement(padded)
	require.NoError(t, err)
	require.Equal(t, padded, s.Signed(), "unknown fields are signed")
	require.Equal(t, statement(t, honest()).Digest, s.Digest, "and say nothing")

	// Forwarders can change s and attach a key, even a wrong one: neither speaks for or against the author.
	forwarded := change(t, malleate(t, padded), func(m *pb.PubsubMessage) { m.Key = []byte("no key") })
	again, err := evidence.ReadStatement(forwarded)
	require.NoError(t, err)
	require.Equal(t, s, again)
}

// An honest operator repeats itself, with new sequence numbers and signatures, through forwarders that change what they
// can: nobody makes a proof of it.
func TestR2RetransmissionsAreNeverAProof(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Custom(drawWords).Draw(t, "words")
		second := first
		second.seqno = rapid.Uint64().Draw(t, "seqno")
		second.sequence = rapid.Uint64().Draw(t, "sequence")
		second.payload = respelt(t, proposal.EncodeMessage(proposal.Message{
			Sender: first.seat, Block: first.block, Wallet: first.wallet.Hash(), Proposal: first.proposal,
		}))
		message := second.bytes()
		if rapid.Bool().Draw(t, "malleated") {
			message = malleate(t, message)
		}
		again, err := evidence.ReadStatement(message)
		require.NoError(t, err)
		_, err = evidence.Prove(chainID, statement(t, first), again)
		requireRefused(t, err, evidence.SameStatement, "retransmission")
		_, err = evidence.Prove(chainID, again, statement(t, first))
		requireRefused(t, err, evidence.SameStatement, "retransmission")
	})
}

func drawWords(t *rapid.T) words {
	w := honest()
	w.key = rapid.ByteRange(1, 4).Draw(t, "key")
	w.seat = chain.Seat(rapid.ByteRange(1, 3).Draw(t, "seat"))
	w.block = 900 * chain.Height(rapid.Uint64Range(1, 2).Draw(t, "window"))
	w.seqno = rapid.Uint64().Draw(t, "seqno")
	w.sequence = rapid.Uint64().Draw(t, "sequence")
	w.proposal = rapid.SampledFrom([]proposal.Proposal{
		proposal.Noop{}, heartbeat(1), heartbeat(2), redemption(0), redemption(1), redemption(70000),
	}).Draw(t, "proposal")
	return w
}

// respelt spells a payload anew without changing what it says: with a field that nobody knows, one said twice, or a fee
// with a leading zero.
func respelt(t *rapid.T, payload []byte) []byte {
	switch rapid.IntRange(0, 3).Draw(t, "spelling") {
	case 1:
		payload = protowire.AppendVarint(protowire.AppendTag(payload, 50, protowire.VarintType), 1)
	case 2:
		payload = append([]byte{0x08, 0x09}, payload...) // a seat that the true one overrules
	case 3:
		var message pb.CoordinationMessage
		var redemption pb.RedemptionProposal
		require.NoError(t, proto.Unmarshal(payload, &message))
		if proposal.Kind(message.GetProposal().GetActionType()) != proposal.KindRedemption {
			break
		}
		require.NoError(t, proto.Unmarshal(message.GetProposal().GetPayload(), &redemption))
		redemption.RedemptionTxFee = append([]byte{0}, redemption.GetRedemptionTxFee()...)
		var err error
		message.Proposal.Payload, err = proto.Marshal(&redemption)
		require.NoError(t, err)
		payload, err = proto.Marshal(&message)
		require.NoError(t, err)
	}
	return payload
}

// Whatever two members say: there is a proof exactly if one of them said two things in one window.
func TestAProofIsTwoThingsOfOneSlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Custom(drawWords).Draw(t, "a"), rapid.Custom(drawWords).Draw(t, "b")
		sa, sb := statement(t, a), statement(t, b)
		_, err := evidence.Prove(chainID, sa, sb)
		switch {
		case a.key != b.key || a.block != b.block:
			requireRefused(t, err, evidence.SlotsDiffer, "slots")
		case a.seat == b.seat && assert.ObjectsAreEqual(a.proposal, b.proposal):
			requireRefused(t, err, evidence.SameStatement, "statements")
		default:
			require.NoError(t, err)
		}
	})
}
