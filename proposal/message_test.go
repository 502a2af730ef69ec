package proposal_test

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
	"github.com/walletnode/walletnode/proposal"
)

// vector is a row of messages.json or malformed.json, both made by the reference client.
type vector struct {
	Name, Type, Action, Payload, Message, Outcome string
	SenderID                                      *chain.Seat
	CoordinationBlock                             *chain.Height
	WalletPublicKeyHash                           string
	ActionType                                    int
	ValidityBlocks                                *chain.Height
	Proposal                                      json.RawMessage

	row json.RawMessage
}

func loadVectors(tb testing.TB, file string) []vector {
	tb.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	require.NoError(tb, err)
	var rows []json.RawMessage
	require.NoError(tb, json.Unmarshal(raw, &rows))
	require.NotEmpty(tb, rows)
	vectors := make([]vector, len(rows))
	for i, row := range rows {
		require.NoError(tb, json.Unmarshal(row, &vectors[i]))
		vectors[i].row = row
	}
	return vectors
}

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(tb, err)
	return b
}

// requireMatches holds a decoded message against the values of a row.
func requireMatches(t *testing.T, v vector, m proposal.Message) {
	t.Helper()
	require.Equal(t, *v.SenderID, m.Sender)
	require.Equal(t, *v.CoordinationBlock, m.Block)
	require.Equal(t, v.WalletPublicKeyHash, m.Wallet.Hex())
	require.Equal(t, v.Action, m.Proposal.Kind().String())
	if v.Proposal == nil {
		v.Proposal = json.RawMessage("{}")
	}
	var got struct{ Proposal json.RawMessage }
	written, err := proposal.MarshalMessageJSON(m)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(written, &got))
	require.JSONEq(t, string(v.Proposal), string(got.Proposal))
}

func TestVectorsMessages(t *testing.T) {
	for _, v := range loadVectors(t, "messages.json") {
		t.Run(v.Name, func(t *testing.T) {
			require.Equal(t, proposal.MessageType, v.Type)
			fromRow, err := proposal.UnmarshalMessageJSON(v.row)
			require.NoError(t, err)
			require.Equal(t, v.Message, hex.EncodeToString(proposal.EncodeMessage(fromRow)))

			decoded, err := proposal.DecodeMessage(unhex(t, v.Message))
			require.NoError(t, err)
			require.Equal(t, fromRow, decoded)
			requireMatches(t, v, decoded)
			require.Equal(t, proposal.Kind(v.ActionType), decoded.Proposal.Kind())
			if v.ValidityBlocks != nil {
				require.Equal(t, *v.ValidityBlocks, decoded.Proposal.Kind().ValidityBlocks())
			}
		})
	}
}

func TestVectorsMalformed(t *testing.T) {
	for _, v := range loadVectors(t, "malformed.json") {
		t.Run(v.Name, func(t *testing.T) {
			m, err := proposal.DecodeMessage(unhex(t, v.Message))
			if v.Outcome == "rejected" {
				require.ErrorIs(t, err, proposal.ErrMalformed)
				require.Zero(t, m)
				return
			}
			require.Equal(t, "accepted", v.Outcome)
			require.NoError(t, err)
			requireMatches(t, v, m)
			requireStable(t, m)
		})
	}
}

// requireStable checks that canonical encoding is a fixed point.
func requireStable(t require.TestingT, m proposal.Message) {
	canonical := proposal.EncodeMessage(m)
	again, err := proposal.DecodeMessage(canonical)
	require.NoError(t, err)
	require.Equal(t, canonical, proposal.EncodeMessage(again))
	require.Equal(t, m.Digest(), again.Digest())
}

// anyFee includes zero and fees beyond 64 bits.
func anyFee() *rapid.Generator[*big.Int] {
	return rapid.Custom(func(t *rapid.T) *big.Int {
		return new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "fee"))
	})
}

func fixed(t *rapid.T, n int, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label)
}

func anyProposal() *rapid.Generator[proposal.Proposal] {
	return rapid.Custom(func(t *rapid.T) proposal.Proposal {
		switch rapid.SampledFrom(proposal.Kinds()).Draw(t, "kind") {
		case proposal.KindHeartbeat:
			return proposal.Heartbeat{Message: [16]byte(fixed(t, 16, "message"))}
		case proposal.KindDepositSweep:
			p := proposal.DepositSweep{TxFee: anyFee().Draw(t, "fee")}
			for range rapid.IntRange(0, 3).Draw(t, "deposits") {
				p.Deposits = append(p.Deposits, proposal.DepositKey{
					FundingTxHash:      proposal.TxHash(fixed(t, 32, "hash")),
					FundingOutputIndex: rapid.Uint32().Draw(t, "index"),
				})
			}
			for range rapid.IntRange(0, 3).Draw(t, "blocks") {
				p.RevealBlocks = append(p.RevealBlocks, rapid.Int64().Draw(t, "block"))
			}
			return p
		case proposal.KindRedemption:
			p := proposal.Redemption{TxFee: anyFee().Draw(t, "fee")}
			for range rapid.IntRange(0, 3).Draw(t, "scripts") {
				p.OutputScripts = append(p.OutputScripts, rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "script"))
			}
			return p
		case proposal.KindMovingFunds:
			p := proposal.MovingFunds{TxFee: anyFee().Draw(t, "fee")}
			for range rapid.IntRange(0, 3).Draw(t, "targets") {
				p.Targets = append(p.Targets, chain.WalletID(fixed(t, 20, "target")))
			}
			return p
		case proposal.KindMovedFundsSweep:
			return proposal.MovedFundsSweep{
				TxHash:      proposal.TxHash(fixed(t, 32, "hash")),
				OutputIndex: rapid.Uint32().Draw(t, "index"),
				TxFee:       anyFee().Draw(t, "fee"),
			}
		default:
			return proposal.Noop{}
		}
	})
}

func anyMessage() *rapid.Generator[proposal.Message] {
	return rapid.Custom(func(t *rapid.T) proposal.Message {
		return proposal.Message{
			Sender:   chain.Seat(rapid.Byte().Draw(t, "sender")),
			Block:    chain.Height(rapid.Uint64().Draw(t, "block")),
			Wallet:   chain.WalletID(fixed(t, 20, "wallet")),
			Proposal: anyProposal().Draw(t, "proposal"),
		}
	})
}

func TestEveryMessageSurvivesWireAndJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMessage().Draw(t, "message")
		requireStable(t, m)
		decoded, err := proposal.DecodeMessage(proposal.EncodeMessage(m))
		require.NoError(t, err)
		written, err := proposal.MarshalMessageJSON(m)
		require.NoError(t, err)
		fromJSON, err := proposal.UnmarshalMessageJSON(written)
		require.NoError(t, err)
		require.Equal(t, decoded, fromJSON)
	})
}

func TestR2DigestsAreEqualForEqualStatements(t *testing.T) {
	fee := big.NewInt(256)
	m := proposal.Message{Sender: 7, Block: 900, Wallet: chain.WalletID{1}, Proposal: proposal.Redemption{
		OutputScripts: [][]byte{{1, 2}}, TxFee: fee,
	}}
	payload := []byte{0x0a, 2, 1, 2, 0x12, 4, 0, 0, 1, 0} // the same with a fee of four bytes
	var inner []byte
	inner = protowire.AppendTag(inner, 2, protowire.BytesType)
	inner = protowire.AppendBytes(inner, payload)
	inner = append(inner, 0x08, 3)
	var spelled []byte // other order, an unknown field, a longer varint
	spelled = protowire.AppendTag(spelled, 4, protowire.BytesType)
	spelled = protowire.AppendBytes(spelled, inner)
	spelled = append(spelled, 0x98, 0x06, 0x05)
	spelled = protowire.AppendTag(spelled, 3, protowire.BytesType)
	spelled = protowire.AppendBytes(spelled, m.Wallet[:])
	spelled = append(spelled, 0x10, 0x84, 0x87, 0x00, 0x08, 0x07)

	other, err := proposal.DecodeMessage(spelled)
	require.NoError(t, err)
	require.NotEqual(t, spelled, proposal.EncodeMessage(m))
	require.Equal(t, m.Digest(), other.Digest())

	for name, changed := range map[string]proposal.Message{
		"sender":   {Sender: 8, Block: 900, Wallet: m.Wallet, Proposal: m.Proposal},
		"block":    {Sender: 7, Block: 1800, Wallet: m.Wallet, Proposal: m.Proposal},
		"wallet":   {Sender: 7, Block: 900, Wallet: chain.WalletID{2}, Proposal: m.Proposal},
		"proposal": {Sender: 7, Block: 900, Wallet: m.Wallet, Proposal: proposal.Noop{}},
		"script": {Sender: 7, Block: 900, Wallet: m.Wallet, Proposal: proposal.Redemption{
			OutputScripts: [][]byte{{1}, {2}}, TxFee: fee,
		}},
	} {
		require.NotEqual(t, m.Digest(), changed.Digest(), name)
	}
}

func TestR2DigestsTellStatementsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyMessage().Draw(t, "a"), anyMessage().Draw(t, "b")
		same := string(proposal.EncodeMessage(a)) == string(proposal.EncodeMessage(b))
		require.Equal(t, same, a.Digest() == b.Digest())
	})
}

func TestHugeMessagesAreReadInBoundedTime(t *testing.T) {
	fee := new(big.Int).SetBytes(make([]byte, wire.MaxMessage-200))
	fee.SetBit(fee, 8*(wire.MaxMessage-200)-1, 1)
	big20 := make([][]byte, 200_000)
	for name, p := range map[string]proposal.Proposal{
		"fee":   proposal.Redemption{TxFee: fee},
		"lists": proposal.Redemption{OutputScripts: big20, TxFee: new(big.Int)},
	} {
		start := time.Now()
		m, err := proposal.DecodeMessage(proposal.EncodeMessage(proposal.Message{Sender: 1, Proposal: p}))
		require.NoError(t, err, name)
		require.Equal(t, p.Kind(), m.Proposal.Kind())
		require.Less(t, time.Since(start), 5*time.Second, name) // it takes milliseconds; squares would take minutes
	}
	_, err := proposal.DecodeMessage(make([]byte, wire.MaxMessage+1))
	require.ErrorIs(t, err, proposal.ErrMalformed)
}

func TestHeartbeatMessage(t *testing.T) {
	// SHA256 of twenty zero bytes and 900 as 64 bits begins with these eight bytes.
	got := proposal.HeartbeatMessage(chain.WalletID{}, 900)
	require.Equal(t, "ffffffffffffffff", hex.EncodeToString(got[:8]))
	require.Equal(t, "28609ea811a7c6ff", hex.EncodeToString(got[8:]))
	require.NotEqual(t, got, proposal.HeartbeatMessage(chain.WalletID{}, 901))
	require.NotEqual(t, got, proposal.HeartbeatMessage(chain.WalletID{1}, 900))
}

// What decodes is stable under canonical encoding, whatever came in, and has a JSON form that reads back.
func FuzzDecodeMessage(f *testing.F) {
	for _, file := range []string{"messages.json", "malformed.json"} {
		for _, v := range loadVectors(f, file) {
			f.Add(unhex(f, v.Message))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := proposal.DecodeMessage(data)
		if err != nil {
			require.ErrorIs(t, err, proposal.ErrMalformed)
			return
		}
		requireStable(t, m)
		if len(data) > 1<<15 {
			return // a fee may have more digits than the JSON form reads
		}
		written, err := proposal.MarshalMessageJSON(m)
		require.NoError(t, err)
		back, err := proposal.UnmarshalMessageJSON(written)
		require.NoError(t, err)
		require.Equal(t, m.Digest(), back.Digest())
	})
}
