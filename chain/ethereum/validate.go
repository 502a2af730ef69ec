package ethereum

import (
	"context"
	"errors"
	"fmt"
	"math/big"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum/tbtc"
)

// The validations ask the validator contract at the state after a block that is named by its hash; the zero hash, and
// the forms without one, are the newest block. They return nil if it agrees, *chain.Refusal if it reverted with a
// reason, and any other error if there is no answer to go by (rule R5); chain.ErrNotFound if the endpoint does not have
// the block.

// ValidateHeartbeat is ValidateHeartbeatAt the newest block.
func (c *Client) ValidateHeartbeat(ctx context.Context, wallet chain.WalletID, message [16]byte) error {
	return c.ValidateHeartbeatAt(ctx, chain.Hash{}, wallet, message)
}

// ValidateHeartbeatAt asks whether a heartbeat proposal is acceptable.
func (c *Client) ValidateHeartbeatAt(ctx context.Context, at chain.Hash, wallet chain.WalletID, message [16]byte) error {
	input, err := c.validator.TryPackValidateHeartbeatProposal(tbtc.HeartbeatProposal{
		WalletPubKeyHash: wallet,
		Message:          message[:],
	})
	return c.validate(ctx, at, input, err, c.validator.UnpackValidateHeartbeatProposal)
}

// ValidateRedemption is ValidateRedemptionAt the newest block.
func (c *Client) ValidateRedemption(ctx context.Context, wallet chain.WalletID, scripts [][]byte, fee *big.Int) error {
	return c.ValidateRedemptionAt(ctx, chain.Hash{}, wallet, scripts, fee)
}

// ValidateRedemptionAt asks whether a redemption proposal is acceptable. The scripts are those of the proposal's wire
// form, without length prefix; fee is the transaction's whole fee in satoshi.
func (c *Client) ValidateRedemptionAt(
	ctx context.Context, at chain.Hash, wallet chain.WalletID, scripts [][]byte, fee *big.Int,
) error {
	amount, err := feeWord(fee)
	if err != nil {
		return err
	}
	prefixed := make([][]byte, len(scripts))
	for i, script := range scripts {
		prefixed[i] = withLength(script)
	}
	input, err := c.validator.TryPackValidateRedemptionProposal(tbtc.RedemptionProposal{
		WalletPubKeyHash:       wallet,
		RedeemersOutputScripts: prefixed,
		RedemptionTxFee:        amount,
	})
	return c.validate(ctx, at, input, err, c.validator.UnpackValidateRedemptionProposal)
}

// ValidateMovedFundsSweep is ValidateMovedFundsSweepAt the newest block.
func (c *Client) ValidateMovedFundsSweep(
	ctx context.Context, wallet chain.WalletID, txHash [32]byte, index uint32, fee *big.Int,
) error {
	return c.ValidateMovedFundsSweepAt(ctx, chain.Hash{}, wallet, txHash, index, fee)
}

// ValidateMovedFundsSweepAt asks whether a moved funds sweep proposal is acceptable. txHash is in internal byte order,
// fee in satoshi.
func (c *Client) ValidateMovedFundsSweepAt(
	ctx context.Context, at chain.Hash, wallet chain.WalletID, txHash [32]byte, index uint32, fee *big.Int,
) error {
	amount, err := feeWord(fee)
	if err != nil {
		return err
	}
	input, err := c.validator.TryPackValidateMovedFundsSweepProposal(tbtc.MovedFundsSweepProposal{
		WalletPubKeyHash:         wallet,
		MovingFundsTxHash:        txHash,
		MovingFundsTxOutputIndex: index,
		MovedFundsSweepTxFee:     amount,
	})
	return c.validate(ctx, at, input, err, c.validator.UnpackValidateMovedFundsSweepProposal)
}

// validate makes the call whose input was packed with packErr.
func (c *Client) validate(ctx context.Context, at chain.Hash, input []byte, packErr error, unpack func([]byte) (bool, error)) error {
	if packErr != nil {
		return fmt.Errorf("encode proposal: %w", packErr)
	}
	agreed, err := readAt(ctx, c, atHash(at), c.config.Validator, input, unpack)
	switch {
	case err != nil:
		if refusal := refusalIn(err, c.validator.GetABI().Errors); refusal != nil {
			return refusal
		}
		return fmt.Errorf("validate proposal: %w", notFoundAt(at, err))
	case !agreed:
		return fmt.Errorf("validate proposal: %w", malformed(errors.New("the contract returned false, which it never does")))
	}
	return nil
}

// feeWord fits a fee into the contract's 256 bits. The wire form allows fees of any length, and the encoder
// would cut a longer one to its low bits, so that an absurd fee could pass as a small one. It becomes the
// greatest fee there is, which the contract refuses in its own words.
func feeWord(fee *big.Int) (*big.Int, error) {
	if fee == nil || fee.Sign() < 0 {
		return nil, errors.New("encode proposal: fee is missing or negative")
	}
	if fee.BitLen() > 256 {
		return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)), nil
	}
	return fee, nil
}
