package rpcfault

import (
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

// rig is a local chain, an endpoint in front of it, and a client of the endpoint.
type rig struct {
	t      testing.TB
	chain  *localchain.Chain
	proxy  *Proxy
	client *rpc.Client // over a WebSocket
}

// newRig starts a chain of some blocks with a healthy endpoint in front of it.
func newRig(t testing.TB, blocks chain.Height) *rig {
	t.Helper()
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.Mine(t.Context(), int(blocks-c.Height())))
	p, err := New(t.Context(), c.URL(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	client, err := rpc.DialContext(t.Context(), p.URL())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &rig{t: t, chain: c, proxy: p, client: client}
}

func (r *rig) set(f Faults) Log {
	r.t.Helper()
	log, err := r.proxy.Set(r.t.Context(), f)
	require.NoError(r.t, err)
	return log
}

func (r *rig) mine(n int) { require.NoError(r.t, r.chain.Mine(r.t.Context(), n)) }

// told is a header as it is told, with the hash that is claimed for it.
type told struct {
	*types.Header
	claimed common.Hash
}

func (h *told) UnmarshalJSON(text []byte) error {
	var claim struct {
		Hash common.Hash `json:"hash"`
	}
	h.Header = new(types.Header)
	if err := json.Unmarshal(text, h.Header); err != nil {
		return err
	}
	err := json.Unmarshal(text, &claim)
	h.claimed = claim.Hash
	return err
}

func (h *told) height() chain.Height { return chain.Height(h.Number.Uint64()) }

// block asks for a block; nil if there is none.
func (r *rig) block(method string, at any) *told {
	r.t.Helper()
	var h *told
	require.NoError(r.t, r.client.CallContext(r.t.Context(), &h, method, at, false))
	return h
}

func (r *rig) at(h chain.Height) *told { return r.block("eth_getBlockByNumber", hexutil.Uint64(h)) }
func (r *rig) tag(name string) *told   { return r.block("eth_getBlockByNumber", name) }
func (r *rig) by(hash common.Hash) *told {
	return r.block("eth_getBlockByHash", hash)
}

func (r *rig) number() chain.Height {
	r.t.Helper()
	var n hexutil.Uint64
	require.NoError(r.t, r.client.CallContext(r.t.Context(), &n, "eth_blockNumber"))
	return chain.Height(n)
}

func (r *rig) truth(h chain.Height) common.Hash {
	r.t.Helper()
	header, err := r.chain.Header(h)
	require.NoError(r.t, err)
	return common.Hash(header.Hash)
}

// heads subscribes to new heads.
func (r *rig) heads() chan *told {
	r.t.Helper()
	heads := make(chan *told, 64)
	subscription, err := r.client.EthSubscribe(r.t.Context(), heads, "newHeads")
	require.NoError(r.t, err)
	r.t.Cleanup(subscription.Unsubscribe)
	return heads
}

// requireChain demands that headers from .. to are told by number and by hash, hash right, and link.
func (r *rig) requireChain(from, to chain.Height) {
	r.t.Helper()
	for h := from; h <= to; h++ {
		header := r.at(h)
		require.NotNil(r.t, header, "block %d", h)
		require.Equal(r.t, h, header.height())
		require.Equal(r.t, header.Hash(), header.claimed, "block %d hashes right", h)
		require.Equal(r.t, header.claimed, r.by(header.claimed).claimed)
		if h > from {
			require.Equal(r.t, r.at(h-1).claimed, header.ParentHash, "block %d links to its parent", h)
		}
	}
}

// hopeless is after how long what has not come is taken for lost: no goal, but the end of a test that would wait for ever.
const hopeless = 2 * time.Minute

// next receives within the test's time.
func next[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hopeless)
	defer cancel()
	select {
	case it := <-from:
		return it
	case <-ctx.Done():
		require.FailNow(t, "nothing came")
		panic("not reached")
	}
}
