package ethereum

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
)

// What a redemption is built from is read at the state after a block that is named by its hash; the zero hash, and the
// forms without one, are the newest block. It is chain.ErrNotFound if the endpoint does not have the block.

// MainUTXOHash is MainUTXOHashAt the newest block.
func (c *Client) MainUTXOHash(ctx context.Context, wallet chain.WalletID) ([32]byte, error) {
	return c.MainUTXOHashAt(ctx, chain.Hash{}, wallet)
}

// MainUTXOHashAt reads the hash of a wallet's main UTXO, as chain.UTXO.Hash makes it; zero if the wallet has none, or is none.
func (c *Client) MainUTXOHashAt(ctx context.Context, at chain.Hash, wallet chain.WalletID) ([32]byte, error) {
	record, err := readAt(ctx, c, atHash(at), c.config.Bridge, c.bridge.PackWallets(wallet), c.bridge.UnpackWallets)
	if err != nil {
		return [32]byte{}, fmt.Errorf("read main utxo: %w", notFoundAt(at, err))
	}
	return record.MainUtxoHash, nil
}

// RedemptionRequests is RedemptionRequestsAt the newest block, one for all of them.
func (c *Client) RedemptionRequests(ctx context.Context, wallet chain.WalletID, scripts [][]byte) ([]chain.RedemptionRequest, error) {
	newest, err := c.latest(ctx)
	if err != nil {
		return nil, fmt.Errorf("read newest block: %w", err)
	}
	return c.RedemptionRequestsAt(ctx, newest.Hash, wallet, scripts)
}

// RedemptionRequestsAt reads the pending requests to a wallet that name these output scripts, in their order. Scripts are
// without length prefix; the blocks of the requests are not read. If one is not pending it is chain.ErrNoRequest.
func (c *Client) RedemptionRequestsAt(
	ctx context.Context, at chain.Hash, wallet chain.WalletID, scripts [][]byte,
) ([]chain.RedemptionRequest, error) {
	found := make([]chain.RedemptionRequest, len(scripts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(logWorkers)
	for i, script := range scripts {
		group.Go(func() (err error) {
			found[i], err = c.redemptionRecord(ctx, wallet, slices.Clone(script), atHash(at))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read redemption request: %w", notFoundAt(at, err))
	}
	for i, request := range found {
		if request.RequestedAt.IsZero() {
			return nil, fmt.Errorf("%w: wallet %s, script %x", chain.ErrNoRequest, wallet, scripts[i])
		}
	}
	return found, nil
}

// notFoundAt makes chain.ErrNotFound of an error that says that the endpoint does not have the block of a read.
func notFoundAt(at chain.Hash, err error) error {
	if at != (chain.Hash{}) && unknownBlock(err) {
		return fmt.Errorf("%w: %v", chain.ErrNotFound, at)
	}
	return err
}
