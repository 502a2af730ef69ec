package proposal

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/walletnode/walletnode/chain"
)

// Outcome is how a validation ended.
type Outcome string

// The outcomes. Only Refused says anything against the leader (rule R5).
const (
	Valid        Outcome = "valid"
	Refused      Outcome = "refused"      // by the validator contract, or by a limit that it would enforce alike
	Failed       Outcome = "failed"       // we could not ask, or got no answer
	Unverifiable Outcome = "unverifiable" // the kind takes Bitcoin data, which this node does not read
)

// Verdict is the outcome of validating a proposal at one head.
type Verdict struct {
	Outcome Outcome
	Reason  string // why it is not Valid, for people; empty if it is
	// Final says that a refusal follows from the proposal alone: no other head can change it, so that it need
	// not be tried again.
	Final bool
	// NoQuorum says of a Failed validation that the chain's endpoints answered differently, or too few of them.
	NoQuorum bool
}

// ChainValidator asks the chain's validator contract. A *chain.Refusal is its no; every other error is ours.
type ChainValidator interface {
	ValidateHeartbeat(ctx context.Context, wallet chain.WalletID, message [16]byte) error
	// ValidateRedemption takes output scripts without length prefix, and the whole fee in satoshi.
	ValidateRedemption(ctx context.Context, wallet chain.WalletID, scripts [][]byte, fee *big.Int) error
	// ValidateMovedFundsSweep takes the hash in internal byte order, and the fee in satoshi.
	ValidateMovedFundsSweep(ctx context.Context, wallet chain.WalletID, txHash [32]byte, index uint32, fee *big.Int) error
}

// Validator judges proposals: a leader's own before it is sent, and everyone's.
type Validator struct{ contract ChainValidator }

// NewValidator makes a validator that asks the given contract.
func NewValidator(contract ChainValidator) *Validator { return &Validator{contract} }

// Validate judges a proposal at the newest head (rule R5). Limits that follow from the proposal alone come first, so
// that a huge one costs no call; a breach of them is a final refusal.
func (v *Validator) Validate(ctx context.Context, wallet chain.WalletID, p Proposal) Verdict {
	if reason := breach(p); reason != "" {
		return Verdict{Outcome: Refused, Reason: reason, Final: true}
	}
	var err error
	switch p := p.(type) {
	case Noop:
		return Verdict{Outcome: Valid}
	case Heartbeat:
		err = v.contract.ValidateHeartbeat(ctx, wallet, p.Message)
	case Redemption:
		err = v.contract.ValidateRedemption(ctx, wallet, p.OutputScripts, p.TxFee)
	case MovedFundsSweep:
		err = v.contract.ValidateMovedFundsSweep(ctx, wallet, p.TxHash, p.OutputIndex, p.TxFee)
	default: // DepositSweep and MovingFunds: the contract must be shown Bitcoin transactions
		return Verdict{Outcome: Unverifiable, Reason: fmt.Sprintf("%v %v", p.Kind(), ErrNeedsBitcoinSource)}
	}
	var refusal *chain.Refusal
	switch {
	case err == nil:
		return Verdict{Outcome: Valid}
	case errors.As(err, &refusal):
		return Verdict{Outcome: Refused, Reason: refusal.Reason}
	default:
		return Verdict{Outcome: Failed, Reason: err.Error(), NoQuorum: errors.Is(err, chain.ErrNoQuorum)}
	}
}
