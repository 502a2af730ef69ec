package ethereum

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"golang.org/x/sync/errgroup"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum/tbtc"
)

const (
	// maxLogRange is how many blocks one log query spans: what the common providers allow or more.
	maxLogRange = 5000
	// minLogRange is where halving a refused range ends, in blocks: the smallest limit that a provider is known for.
	minLogRange = 10
	// logWorkers is how many requests are checked at once: enough to hide latency, few enough for one endpoint.
	logWorkers = 4
)

// PendingRedemptions reads the redemption requests to a wallet that were made at or after a height and are still
// pending, oldest first, each once. All of it is read at one block, the newest when the call begins.
func (c *Client) PendingRedemptions(ctx context.Context, wallet chain.WalletID, from chain.Height) ([]chain.RedemptionRequest, error) {
	var newest hexutil.Uint64
	if err := c.call(ctx, &newest, "eth_blockNumber"); err != nil {
		return nil, fmt.Errorf("read newest block: %w", err)
	}
	events, err := c.redemptionEvents(ctx, wallet, from, chain.Height(newest))
	if err != nil {
		return nil, fmt.Errorf("read redemption requests: %w", err)
	}
	// A script that was paid and asked for again has two events and one request: the later event's.
	latest := make(map[string]*tbtc.BridgeRedemptionRequested, len(events))
	for _, event := range events {
		latest[string(event.RedeemerOutputScript)] = event
	}
	events = slices.DeleteFunc(events, func(e *tbtc.BridgeRedemptionRequested) bool {
		return latest[string(e.RedeemerOutputScript)] != e
	})

	found := make([]chain.RedemptionRequest, len(events)) // in the order of events; the zero request where none is pending
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(logWorkers)
	for i, event := range events {
		group.Go(func() error {
			request, err := c.pendingRedemption(ctx, wallet, event, hexutil.EncodeUint64(uint64(newest)))
			found[i] = request
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read pending redemption: %w", err)
	}
	return slices.DeleteFunc(found, func(r chain.RedemptionRequest) bool { return r.RequestedAt.IsZero() }), nil
}

// pendingRedemption reads the request behind an event; the zero value if it is not pending.
func (c *Client) pendingRedemption(
	ctx context.Context, wallet chain.WalletID, event *tbtc.BridgeRedemptionRequested, block string,
) (chain.RedemptionRequest, error) {
	script, err := withoutLength(event.RedeemerOutputScript)
	if err != nil {
		return chain.RedemptionRequest{}, err
	}
	request, err := c.redemptionRecord(ctx, wallet, script, block)
	if err != nil || request.RequestedAt.IsZero() {
		return chain.RedemptionRequest{}, err
	}
	request.Block = chain.Height(event.Raw.BlockNumber)
	return request, nil
}

// redemptionRecord reads what the Bridge has of a request, all but its block; the zero value if it is not pending.
func (c *Client) redemptionRecord(
	ctx context.Context, wallet chain.WalletID, script []byte, block blockRef,
) (chain.RedemptionRequest, error) {
	key := redemptionKey(wallet, withLength(script))
	record, err := readAt(ctx, c, block, c.config.Bridge, c.bridge.PackPendingRedemptions(key), c.bridge.UnpackPendingRedemptions)
	if err != nil || record.RequestedAt == 0 {
		return chain.RedemptionRequest{}, err
	}
	return chain.RedemptionRequest{
		Script:          script,
		Redeemer:        record.Redeemer,
		RequestedAmount: record.RequestedAmount,
		TreasuryFee:     record.TreasuryFee,
		TxMaxFee:        record.TxMaxFee,
		RequestedAt:     time.Unix(int64(record.RequestedAt), 0),
	}, nil
}

// redemptionEvents reads the wallet's RedemptionRequested events of a range of heights, ends included, in chain
// order. A range that the endpoint refuses, for its span, its size or its time, is halved; ranges grow again as
// answers come.
func (c *Client) redemptionEvents(
	ctx context.Context, wallet chain.WalletID, from, to chain.Height,
) ([]*tbtc.BridgeRedemptionRequested, error) {
	var events []*tbtc.BridgeRedemptionRequested
	for span := chain.Height(maxLogRange); from <= to; {
		last := min(to, from+span-1)
		chunk, err := c.redemptionEventsOnce(ctx, wallet, from, last)
		switch {
		case err == nil:
			events = append(events, chunk...)
			from, span = last+1, min(2*span, maxLogRange)
		case ctx.Err() != nil || span/2 < minLogRange:
			return nil, err
		default:
			span /= 2
		}
	}
	slices.SortStableFunc(events, func(a, b *tbtc.BridgeRedemptionRequested) int {
		return cmp.Or(cmp.Compare(a.Raw.BlockNumber, b.Raw.BlockNumber), cmp.Compare(a.Raw.Index, b.Raw.Index))
	})
	return events, nil
}

// redemptionEventsOnce makes one log query. A log that the filter would not have let through is an error: it
// would have us propose what is not the wallet's.
func (c *Client) redemptionEventsOnce(
	ctx context.Context, wallet chain.WalletID, from, to chain.Height,
) ([]*tbtc.BridgeRedemptionRequested, error) {
	if (c.config.Bridge == common.Address{}) {
		return nil, errNoContracts
	}
	signature := c.bridge.GetABI().Events[tbtc.BridgeRedemptionRequestedEventName].ID
	var topic common.Hash
	copy(topic[:], wallet[:]) // bytes20 as a topic stands at the left
	filter := map[string]any{
		"address":   c.config.Bridge,
		"fromBlock": hexutil.EncodeUint64(uint64(from)),
		"toBlock":   hexutil.EncodeUint64(uint64(to)),
		"topics":    []common.Hash{signature, topic},
	}
	var logs []types.Log
	if err := c.call(ctx, &logs, "eth_getLogs", filter); err != nil {
		return nil, err
	}
	events := make([]*tbtc.BridgeRedemptionRequested, 0, len(logs))
	for i := range logs {
		entry := &logs[i]
		height := chain.Height(entry.BlockNumber)
		if entry.Removed || entry.Address != c.config.Bridge || height < from || height > to ||
			len(entry.Topics) < 2 || entry.Topics[1] != topic {
			return nil, fmt.Errorf("eth_getLogs: %w", malformed(fmt.Errorf("log %d is not one that was asked for", i)))
		}
		event, err := c.bridge.UnpackRedemptionRequestedEvent(entry)
		if err != nil {
			return nil, fmt.Errorf("eth_getLogs: %w", malformed(fmt.Errorf("decode redemption request: %w", err)))
		}
		events = append(events, event)
	}
	return events, nil
}
