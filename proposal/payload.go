package proposal

import (
	"encoding/binary"
	"fmt"
	"math/big"

	"google.golang.org/protobuf/proto"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/wire/pb"
)

// encodePayload writes the part of a proposal that depends on its kind. An empty payload is nil.
func encodePayload(p Proposal) []byte {
	switch p := p.(type) {
	case Heartbeat:
		return marshal(&pb.HeartbeatProposal{Message: p.Message[:]})
	case DepositSweep:
		return encodeDepositSweep(p)
	case Redemption:
		return marshal(&pb.RedemptionProposal{
			RedeemersOutputScripts: p.OutputScripts,
			RedemptionTxFee:        encodeFee(p.TxFee),
		})
	case MovingFunds:
		return encodeMovingFunds(p)
	case MovedFundsSweep:
		return marshal(&pb.MovedFundsSweepProposal{
			MovingFundsTxHash:        p.TxHash[:],
			MovingFundsTxOutputIndex: p.OutputIndex,
			SweepTxFee:               encodeFee(p.TxFee),
		})
	default: // Noop, the only other kind: the set is sealed
		return nil
	}
}

func encodeDepositSweep(p DepositSweep) []byte {
	raw := &pb.DepositSweepProposal{SweepTxFee: encodeFee(p.TxFee)}
	for i := range p.Deposits {
		raw.DepositsKeys = append(raw.DepositsKeys, &pb.DepositSweepProposal_DepositKey{
			FundingTxHash:      p.Deposits[i].FundingTxHash[:],
			FundingOutputIndex: p.Deposits[i].FundingOutputIndex,
		})
	}
	for _, block := range p.RevealBlocks {
		raw.DepositsRevealBlocks = append(raw.DepositsRevealBlocks, uint64(block)) //nolint:gosec // two's complement both ways
	}
	return marshal(raw)
}

func encodeMovingFunds(p MovingFunds) []byte {
	raw := &pb.MovingFundsProposal{MovingFundsTxFee: encodeFee(p.TxFee)}
	for i := range p.Targets {
		raw.TargetWallets = append(raw.TargetWallets, p.Targets[i][:])
	}
	return marshal(raw)
}

// decodePayload reads the part of a proposal that depends on its kind, which must be a known one.
func decodePayload(kind Kind, payload []byte) (Proposal, error) {
	switch kind {
	case KindHeartbeat:
		return decodeHeartbeat(payload)
	case KindDepositSweep:
		return decodeDepositSweep(payload)
	case KindRedemption:
		return decodeRedemption(payload)
	case KindMovingFunds:
		return decodeMovingFunds(payload)
	case KindMovedFundsSweep:
		return decodeMovedFundsSweep(payload)
	default: // Noop: what it carries is ignored, as by the network
		return Noop{}, nil
	}
}

func decodeHeartbeat(payload []byte) (Proposal, error) {
	var raw pb.HeartbeatProposal
	if err := proto.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	if len(raw.GetMessage()) != 16 {
		return nil, fmt.Errorf("message of %d bytes", len(raw.GetMessage()))
	}
	return Heartbeat{Message: [16]byte(raw.GetMessage())}, nil
}

func decodeDepositSweep(payload []byte) (Proposal, error) {
	var raw pb.DepositSweepProposal
	if err := proto.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	p := DepositSweep{TxFee: decodeFee(raw.GetSweepTxFee())}
	for _, key := range raw.GetDepositsKeys() {
		hash, err := decodeTxHash(key.GetFundingTxHash())
		if err != nil {
			return nil, fmt.Errorf("funding %w", err)
		}
		p.Deposits = append(p.Deposits, DepositKey{FundingTxHash: hash, FundingOutputIndex: key.GetFundingOutputIndex()})
	}
	for _, block := range raw.GetDepositsRevealBlocks() {
		p.RevealBlocks = append(p.RevealBlocks, int64(block)) //nolint:gosec // as the network reads it, negative included
	}
	return p, nil
}

func decodeRedemption(payload []byte) (Proposal, error) {
	var raw pb.RedemptionProposal
	if err := proto.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	return Redemption{OutputScripts: raw.GetRedeemersOutputScripts(), TxFee: decodeFee(raw.GetRedemptionTxFee())}, nil
}

func decodeMovingFunds(payload []byte) (Proposal, error) {
	var raw pb.MovingFundsProposal
	if err := proto.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	p := MovingFunds{TxFee: decodeFee(raw.GetMovingFundsTxFee())}
	for _, target := range raw.GetTargetWallets() {
		if len(target) != len(chain.WalletID{}) {
			return nil, fmt.Errorf("target wallet of %d bytes", len(target))
		}
		p.Targets = append(p.Targets, chain.WalletID(target))
	}
	return p, nil
}

func decodeMovedFundsSweep(payload []byte) (Proposal, error) {
	var raw pb.MovedFundsSweepProposal
	if err := proto.Unmarshal(payload, &raw); err != nil {
		return nil, err
	}
	hash, err := decodeTxHash(raw.GetMovingFundsTxHash())
	if err != nil {
		return nil, fmt.Errorf("moving funds %w", err)
	}
	return MovedFundsSweep{
		TxHash:      hash,
		OutputIndex: raw.GetMovingFundsTxOutputIndex(),
		TxFee:       decodeFee(raw.GetSweepTxFee()),
	}, nil
}

func decodeTxHash(data []byte) (TxHash, error) {
	if len(data) != len(TxHash{}) {
		return TxHash{}, fmt.Errorf("transaction hash of %d bytes", len(data))
	}
	return TxHash(data), nil
}

// encodeFee writes a fee without leading zeros; zero, and thus the field, is empty.
func encodeFee(fee *big.Int) []byte { return fee.Bytes() }

// decodeFee reads a fee of any length. Its bits are those of the message, so it is no larger than that.
func decodeFee(data []byte) *big.Int { return new(big.Int).SetBytes(data) }

// bigEndian returns prefix and the height in 8 bytes.
func bigEndian(prefix []byte, height chain.Height) []byte {
	return binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], uint64(height))
}

// marshal encodes a message that cannot fail to encode: it holds only numbers and bytes.
func marshal(m proto.Message) []byte {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", m, err))
	}
	return data
}
