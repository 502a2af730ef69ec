package ethereum

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/walletnode/walletnode/chain"
)

var errNoContracts = errors.New("endpoint is configured without contract addresses")

// blockRef names the block that a contract is read at, as JSON-RPC has it: a tag, a number in hex, or atHash.
type blockRef any

// newestBlock is the block that reads are made at unless they must agree with each other.
const newestBlock = "latest"

// atHash names a block by its hash (EIP-1898), also one that a reorganisation has left: the answer then is about the
// state that was asked for, whatever became of it. The zero hash is the newest block.
func atHash(block chain.Hash) blockRef {
	if block == (chain.Hash{}) {
		return newestBlock
	}
	return struct {
		BlockHash        common.Hash `json:"blockHash"`
		RequireCanonical bool        `json:"requireCanonical"`
	}{common.Hash(block), false}
}

// WalletState reads a wallet's state. A wallet that the chain does not know is chain.WalletUnknown, no error.
func (c *Client) WalletState(ctx context.Context, wallet chain.WalletID) (chain.WalletState, error) {
	record, err := read(ctx, c, c.config.Bridge, c.bridge.PackWallets(wallet), c.bridge.UnpackWallets)
	if err != nil {
		return chain.WalletUnknown, fmt.Errorf("read wallet: %w", err)
	}
	state := chain.WalletState(record.State)
	if !state.Valid() {
		return chain.WalletUnknown, fmt.Errorf("read wallet: %w", malformed(fmt.Errorf("no such state %d", record.State)))
	}
	return state, nil
}

// RedemptionLimits reads the terms that redemption proposals must keep.
func (c *Client) RedemptionLimits(ctx context.Context) (chain.RedemptionLimits, error) {
	terms, err := read(ctx, c, c.config.Bridge, c.bridge.PackRedemptionParameters(), c.bridge.UnpackRedemptionParameters)
	if err != nil {
		return chain.RedemptionLimits{}, fmt.Errorf("read redemption parameters: %w", err)
	}
	v := c.validator
	size, err := read(ctx, c, c.config.Validator, v.PackREDEMPTIONMAXSIZE(), v.UnpackREDEMPTIONMAXSIZE)
	if err != nil {
		return chain.RedemptionLimits{}, fmt.Errorf("read redemption max size: %w", err)
	}
	age, err := read(ctx, c, c.config.Validator, v.PackREDEMPTIONREQUESTMINAGE(), v.UnpackREDEMPTIONREQUESTMINAGE)
	if err != nil {
		return chain.RedemptionLimits{}, fmt.Errorf("read redemption min age: %w", err)
	}
	margin, err := read(ctx, c, c.config.Validator,
		v.PackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN(), v.UnpackREDEMPTIONREQUESTTIMEOUTSAFETYMARGIN)
	if err != nil {
		return chain.RedemptionLimits{}, fmt.Errorf("read redemption timeout margin: %w", err)
	}
	return chain.RedemptionLimits{
		TxMaxTotalFee:       terms.RedemptionTxMaxTotalFee,
		Timeout:             seconds(terms.RedemptionTimeout),
		TimeoutSafetyMargin: seconds(margin),
		MinAge:              seconds(age),
		MaxSize:             int(size),
	}, nil
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// read calls a view function at the newest block and decodes what it returns.
func read[T any](ctx context.Context, c *Client, to common.Address, input []byte, unpack func([]byte) (T, error)) (T, error) {
	return readAt(ctx, c, newestBlock, to, input, unpack)
}

// readAt calls a view function at a block and decodes what it returns.
func readAt[T any](
	ctx context.Context, c *Client, block blockRef, to common.Address, input []byte, unpack func([]byte) (T, error),
) (T, error) {
	output, err := c.callContract(ctx, block, to, input)
	if err != nil {
		var none T
		return none, err
	}
	value, err := unpack(output)
	if err != nil {
		return value, malformed(fmt.Errorf("decode %d bytes: %w", len(output), err))
	}
	return value, nil
}

// callContract makes an eth_call. An address without code answers with no bytes and no error.
func (c *Client) callContract(ctx context.Context, block blockRef, to common.Address, input []byte) ([]byte, error) {
	if (to == common.Address{}) {
		return nil, errNoContracts
	}
	// "data" and not the newer "input": every client understands it.
	message := struct {
		To   common.Address `json:"to"`
		Data hexutil.Bytes  `json:"data"`
	}{to, input}
	var output hexutil.Bytes
	if err := c.call(ctx, &output, "eth_call", message, block); err != nil {
		return nil, err
	}
	return output, nil
}
