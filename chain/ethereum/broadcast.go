package ethereum

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/walletnode/walletnode/chain"
)

// maxTransaction is the largest transaction that is sent, in bytes: what clients accept into their pools, blobs apart,
// which this node has no use for.
const maxTransaction = 128 << 10

// The codes with which a transaction is refused: what go-ethereum uses for all it says, and EIP-1474's own.
const (
	codeServer              = -32000
	codeTransactionRejected = -32003
)

// wordsKnown is how clients say that they have a transaction already; it has no code of its own. The boundary keeps
// "unknown transaction type" out.
var wordsKnown = regexp.MustCompile(`(?i)\b(already ?(known|imported|exists|in)\b|known transaction)`)

// Broadcast sends a signed transaction in its RLP or typed encoding and returns its hash, computed here. A transaction
// that the endpoint has already, waiting or mined, is no error. One that it refuses is an error in its words and no
// *chain.EndpointError: the transaction is to blame.
func (c *Client) Broadcast(ctx context.Context, raw []byte) (chain.Hash, error) {
	if len(raw) > maxTransaction {
		return chain.Hash{}, fmt.Errorf("transaction of %d bytes is larger than %d", len(raw), maxTransaction)
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(raw); err != nil {
		return chain.Hash{}, fmt.Errorf("decode transaction: %w", err)
	}
	hash := tx.Hash()
	var told common.Hash
	err := c.call(ctx, &told, "eth_sendRawTransaction", hexutil.Bytes(raw))
	switch {
	case err == nil && told != hash:
		return chain.Hash{}, fmt.Errorf("eth_sendRawTransaction: %w", malformed(errors.New("answered with another transaction's hash")))
	case err != nil && !c.hasAfter(ctx, err, hash):
		return chain.Hash{}, refusedTransaction(err)
	}
	return chain.Hash(hash), nil
}

// hasAfter reports whether the endpoint has a transaction that it just answered with an error. Its nonce is too low, for
// one, when it has been mined; and words differ from client to client, so the endpoint is asked.
func (c *Client) hasAfter(ctx context.Context, err error, hash common.Hash) bool {
	var said rpc.Error
	if !errors.As(err, &said) {
		return false
	}
	if wordsKnown.MatchString(said.Error()) {
		return true
	}
	var found *struct {
		Hash common.Hash `json:"hash"`
	}
	if err := c.call(ctx, &found, "eth_getTransactionByHash", hash); err != nil {
		c.log.Debug("Refused transaction not looked up", "error", err)
		return false
	}
	return found != nil && found.Hash == hash
}

// refusedTransaction takes the blame off an endpoint that refused a transaction in its own words.
func refusedTransaction(err error) error {
	var failure *chain.EndpointError
	var said rpc.Error
	if errors.As(err, &failure) && failure.Trouble == chain.TroubleServer && errors.As(err, &said) &&
		(said.ErrorCode() == codeServer || said.ErrorCode() == codeTransactionRejected) {
		return fmt.Errorf("send transaction: %w", failure.Err)
	}
	return err
}
