package ethereum

import (
	"context"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/walletnode/walletnode/chain"
)

// Head reads the endpoint's newest header.
func (c *Client) Head(ctx context.Context) (chain.Header, error) { return c.latest(ctx) }

// HasCode reports whether a contract lives at an address, at the newest block. A call to an address without one is
// answered with nothing, which reads like a contract that has nothing to say.
func (c *Client) HasCode(ctx context.Context, address common.Address) (bool, error) {
	var code hexutil.Bytes
	if err := c.call(ctx, &code, "eth_getCode", address, newestBlock); err != nil {
		return false, err
	}
	return len(code) > 0, nil
}
