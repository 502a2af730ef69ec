package ethereum

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/walletnode/walletnode/chain"
)

// wireHeader is a header as the endpoint tells it. Its hash is computed from its fields, because the seed of an
// election is made from it and the endpoint's own hash field is only a claim; the claim is kept to be compared.
type wireHeader struct {
	chain.Header
	claimed common.Hash // zero if the endpoint claims none
}

// UnmarshalJSON reads a header object, or the header of a block object.
func (h *wireHeader) UnmarshalJSON(text []byte) error {
	text, err := withoutBody(text)
	if err != nil {
		return fmt.Errorf("decode header: %w", err)
	}
	var fields types.Header
	if err := json.Unmarshal(text, &fields); err != nil {
		return fmt.Errorf("decode header: %w", err)
	}
	var claim struct {
		Hash common.Hash `json:"hash"`
	}
	if err := json.Unmarshal(text, &claim); err != nil {
		return fmt.Errorf("decode header hash: %w", err)
	}
	if !fields.Number.IsUint64() || fields.Time > math.MaxInt64 {
		return errors.New("decode header: number or time out of range")
	}
	h.Header = chain.Header{
		Height: chain.Height(fields.Number.Uint64()),
		Hash:   chain.Hash(fields.Hash()),
		Parent: chain.Hash(fields.ParentHash),
		Time:   time.Unix(int64(fields.Time), 0), //nolint:gosec // bounded above
	}
	h.claimed = claim.Hash
	return nil
}

// withoutBody takes the lists out of a block object: nine tenths of it, which would be gone through at each decoding.
func withoutBody(text []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, err
	}
	for _, list := range []string{"transactions", "withdrawals", "uncles"} {
		delete(members, list)
	}
	return json.Marshal(members)
}

// disputed reports whether the endpoint claims another hash than the fields have. Either it lies, or it serves
// headers with fields this node is too old to know.
func (h *wireHeader) disputed() bool {
	return h.claimed != common.Hash{} && h.claimed != common.Hash(h.Hash)
}

// Header reads the header of a block of the endpoint's canonical chain. It is chain.ErrNotFound if the endpoint
// does not have the block. The hash is computed here; an answer for another height is an error.
func (c *Client) Header(ctx context.Context, height chain.Height) (chain.Header, error) {
	header, err := c.header(ctx, "eth_getBlockByNumber", hexutil.EncodeUint64(uint64(height)))
	if err != nil {
		return chain.Header{}, err
	}
	if header.Height != height {
		return chain.Header{}, malformed(fmt.Errorf("asked for block %d, got %d", height, header.Height))
	}
	return header, nil
}

// Genesis returns the hash of block 0: with the chain id, what a store is bound to.
func (c *Client) Genesis(ctx context.Context) (chain.Hash, error) {
	header, err := c.Header(ctx, 0)
	return header.Hash, err
}

// latest reads the endpoint's newest header.
func (c *Client) latest(ctx context.Context) (chain.Header, error) {
	return c.header(ctx, "eth_getBlockByNumber", "latest")
}

// parent reads the header that a header names as its parent. Being asked for by hash it cannot be forged.
func (c *Client) parent(ctx context.Context, of chain.Header) (chain.Header, error) {
	header, err := c.header(ctx, "eth_getBlockByHash", common.Hash(of.Parent))
	if err != nil {
		return chain.Header{}, err
	}
	if header.Hash != of.Parent || header.Height+1 != of.Height {
		return chain.Header{}, malformed(fmt.Errorf("asked for the parent of block %d, got another block", of.Height))
	}
	return header, nil
}

func (c *Client) header(ctx context.Context, method string, block any) (chain.Header, error) {
	var header *wireHeader
	if err := c.call(ctx, &header, method, block, false); err != nil {
		return chain.Header{}, err
	}
	if header == nil {
		return chain.Header{}, fmt.Errorf("%w: %v", chain.ErrNotFound, block)
	}
	c.reportDispute(header)
	return header.Header, nil
}

// reportDispute warns of a disputed hash. The computed hash stands.
func (c *Client) reportDispute(header *wireHeader) {
	if header.disputed() {
		c.log.Warn("Endpoint claims another hash than the header has",
			"height", header.Height, "computed", header.Hash, "claimed", header.claimed)
	}
}
