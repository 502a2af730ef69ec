package proposal

import (
	"encoding/json"
	"fmt"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire"
)

// maxJSON is the most bytes of a message's JSON form: 4 MiB. The longest message the network carries is 1 MiB, and
// hex doubles it; the rest is room for decimal fees and names.
const maxJSON = 4 * wire.MaxMessage

// messageJSON is the message for people and tools, with the field names of the reference client's vectors.
type messageJSON struct {
	Sender   chain.Seat      `json:"senderID"`
	Block    chain.Height    `json:"coordinationBlock"`
	Wallet   hexWallet       `json:"walletPublicKeyHash"`
	Action   Kind            `json:"action"`
	Proposal json.RawMessage `json:"proposal,omitempty"`
}

// derived are fields of a row of vectors that follow from the others; a row can be read as a message, and these
// are passed over.
var derived = []string{"name", "type", "actionType", "validityBlocks", "payload", "message", "outcome"}

// The JSON forms of the kinds. A no-op is the empty object.
type (
	noopJSON      struct{}
	heartbeatJSON struct {
		Message hexMessage `json:"message"`
	}
	depositKeyJSON struct {
		FundingTxHash      hexTxHash `json:"fundingTxHash"`
		FundingOutputIndex uint32    `json:"fundingOutputIndex"`
	}
	depositSweepJSON struct {
		Deposits     []depositKeyJSON `json:"depositsKeys"`
		RevealBlocks []decimalInt64   `json:"depositsRevealBlocks"`
		TxFee        decimalFee       `json:"sweepTxFee"`
	}
	redemptionJSON struct {
		Scripts []hexBytes `json:"redeemersOutputScripts"`
		TxFee   decimalFee `json:"redemptionTxFee"`
	}
	movingFundsJSON struct {
		Targets []hexWallet `json:"targetWallets"`
		TxFee   decimalFee  `json:"movingFundsTxFee"`
	}
	movedFundsSweepJSON struct {
		TxHash      hexTxHash  `json:"movingFundsTxHash"`
		OutputIndex uint32     `json:"movingFundsTxOutputIndex"`
		TxFee       decimalFee `json:"sweepTxFee"`
	}
)

// UnmarshalJSON demands both fields and no others.
func (k *depositKeyJSON) UnmarshalJSON(data []byte) error {
	type plain depositKeyJSON
	return decodeObject(data, (*plain)(k))
}

// MarshalMessageJSON writes a message as one JSON object: senderID, coordinationBlock, walletPublicKeyHash, action
// and proposal, whose fields depend on the action. Hex has no 0x; fees and reveal blocks are decimal strings,
// since they can exceed what JSON readers keep of a number.
func MarshalMessageJSON(m Message) ([]byte, error) {
	fields, err := json.Marshal(toJSON(m.Proposal))
	if err != nil {
		return nil, fmt.Errorf("write proposal: %w", err)
	}
	return json.Marshal(messageJSON{
		Sender:   m.Sender,
		Block:    m.Block,
		Wallet:   hexWallet(m.Wallet),
		Action:   m.Proposal.Kind(),
		Proposal: fields,
	})
}

// UnmarshalMessageJSON reads what MarshalMessageJSON writes. Every field must be there once, spelled exactly (a no-op
// may leave out its empty proposal); unknown ones are refused, except those that a row of the vectors has
// besides and that follow from the rest. Errors are ErrMalformed.
func UnmarshalMessageJSON(data []byte) (Message, error) {
	if len(data) > maxJSON {
		return Message{}, fmt.Errorf("%w: %d bytes of JSON", ErrMalformed, len(data))
	}
	raw := messageJSON{}
	if err := decodeObject(data, &raw, derived...); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	p, err := fromJSON(raw.Action, raw.Proposal)
	if err != nil {
		return Message{}, fmt.Errorf("%w: proposal: %w", ErrMalformed, err)
	}
	return Message{Sender: raw.Sender, Block: raw.Block, Wallet: chain.WalletID(raw.Wallet), Proposal: p}, nil
}

func toJSON(p Proposal) any {
	switch p := p.(type) {
	case Heartbeat:
		return heartbeatJSON{hexMessage(p.Message)}
	case DepositSweep:
		deposits := make([]depositKeyJSON, 0, len(p.Deposits))
		for _, d := range p.Deposits {
			deposits = append(deposits, depositKeyJSON{hexTxHash(d.FundingTxHash), d.FundingOutputIndex})
		}
		blocks := convert(p.RevealBlocks, func(b int64) decimalInt64 { return decimalInt64(b) })
		return depositSweepJSON{deposits, blocks, decimalFee{p.TxFee}}
	case Redemption:
		return redemptionJSON{convert(p.OutputScripts, func(s []byte) hexBytes { return s }), decimalFee{p.TxFee}}
	case MovingFunds:
		targets := convert(p.Targets, func(t chain.WalletID) hexWallet { return hexWallet(t) })
		return movingFundsJSON{targets, decimalFee{p.TxFee}}
	case MovedFundsSweep:
		return movedFundsSweepJSON{hexTxHash(p.TxHash), p.OutputIndex, decimalFee{p.TxFee}}
	default: // Noop, the only other kind: the set is sealed
		return noopJSON{}
	}
}

func fromJSON(kind Kind, data []byte) (Proposal, error) {
	switch kind {
	case KindHeartbeat:
		var raw heartbeatJSON
		err := decodeObject(data, &raw)
		return Heartbeat{raw.Message}, err
	case KindDepositSweep:
		var raw depositSweepJSON
		err := decodeObject(data, &raw)
		deposits := convertOrNil(raw.Deposits, func(d depositKeyJSON) DepositKey {
			return DepositKey{TxHash(d.FundingTxHash), d.FundingOutputIndex}
		})
		blocks := convertOrNil(raw.RevealBlocks, func(b decimalInt64) int64 { return int64(b) })
		return DepositSweep{deposits, blocks, raw.TxFee.Int}, err
	case KindRedemption:
		var raw redemptionJSON
		err := decodeObject(data, &raw)
		return Redemption{convertOrNil(raw.Scripts, func(s hexBytes) []byte { return s }), raw.TxFee.Int}, err
	case KindMovingFunds:
		var raw movingFundsJSON
		err := decodeObject(data, &raw)
		targets := convertOrNil(raw.Targets, func(t hexWallet) chain.WalletID { return chain.WalletID(t) })
		return MovingFunds{targets, raw.TxFee.Int}, err
	case KindMovedFundsSweep:
		var raw movedFundsSweepJSON
		err := decodeObject(data, &raw)
		return MovedFundsSweep{TxHash(raw.TxHash), raw.OutputIndex, raw.TxFee.Int}, err
	default: // Noop: Kind's decoder knows no other
		if data == nil {
			return Noop{}, nil
		}
		return Noop{}, decodeObject(data, new(noopJSON))
	}
}

// convert maps a list; an empty one becomes an empty list, so that JSON shows [] and not null.
func convert[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

// convertOrNil maps a list; an empty one becomes nil, as protobuf decodes it.
func convertOrNil[A, B any](in []A, f func(A) B) []B {
	if len(in) == 0 {
		return nil
	}
	return convert(in, f)
}
