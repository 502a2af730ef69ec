package devnet

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/chain/ethereum"
	"github.com/walletnode/walletnode/internal/devnet/localchain"
)

func TestTheProxyLosesHeadsAndNothingElse(t *testing.T) {
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	p, err := newProxy(c.URL())
	require.NoError(t, err)
	client, err := ethereum.Dial(t.Context(), ethereum.Config{
		URL: p.url(), PollInterval: time.Minute, CallTimeout: 10 * time.Second, ChainID: localchain.ChainID,
		Bridge: c.Bridge(), Validator: c.Validator(),
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	heads, ended := make(chan chain.Header, 100), make(chan error, 1)
	go func() { ended <- client.Run(ctx, func(h chain.Header) { heads <- h }) }()
	start := (<-heads).Height

	p.lose(start+2, start+4)
	require.NoError(t, c.Mine(t.Context(), 6))
	// No gap is filled with what was lost. The head above it links to nothing, so it comes with its confirmation.
	for _, next := range []chain.Height{start + 1, start + 5, start + 6} {
		require.Equal(t, next, (<-heads).Height)
	}
	header, err := client.Header(t.Context(), start+3)
	require.NoError(t, err, "by number the block is there")
	want, err := c.Header(start + 3)
	require.NoError(t, err)
	require.Equal(t, want.Hash, header.Hash)

	n, first, last := p.stopLosing()
	require.Equal(t, 3, n)
	require.Equal(t, [2]chain.Height{start + 2, start + 4}, [2]chain.Height{first, last})
	require.NoError(t, c.Mine(t.Context(), 1))
	require.Equal(t, start+7, (<-heads).Height)

	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	client.Close()
	require.NoError(t, p.close())
}

func TestTheProxyDoesNotTellALostHeadAsTheLatest(t *testing.T) {
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	p, err := newProxy(c.URL())
	require.NoError(t, err)
	client, err := rpc.DialContext(t.Context(), p.url())
	require.NoError(t, err)
	latest := func() (block map[string]any) {
		require.NoError(t, client.CallContext(t.Context(), &block, "eth_getBlockByNumber", "latest", false))
		return block
	}
	p.lose(c.Height()+1, c.Height()+1)
	require.NotNil(t, latest())
	require.NoError(t, c.Mine(t.Context(), 1))
	require.Nil(t, latest())
	require.NoError(t, c.Mine(t.Context(), 1))
	require.NotNil(t, latest())
	client.Close()
	require.NoError(t, p.close())
}

func TestTheProxyEndsWithItsConnections(t *testing.T) {
	c, err := localchain.New(localchain.Config{BlockTime: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	before := goleak.IgnoreCurrent()
	p, err := newProxy(c.URL())
	require.NoError(t, err)
	client, err := rpc.Dial(p.url())
	require.NoError(t, err)
	require.NoError(t, client.Call(new(any), "eth_blockNumber"))
	require.NoError(t, p.close())
	client.Close()
	_, err = rpc.Dial(p.url())
	require.Error(t, err)
	goleak.VerifyNone(t, before)
}

func FuzzProxyAnswer(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{"number":"0x384"}}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":{"number":"0x384"}}`))
	f.Add([]byte(`[{"id":1},{"id":2}]`))
	f.Add([]byte(`{"params":null,"method":"eth_subscription"}`))
	f.Fuzz(func(t *testing.T, message []byte) {
		p := &proxy{from: 900, to: 920, lost: make(map[chain.Height]bool)}
		s := &session{proxy: p, asked: map[string]struct{}{"1": {}}}
		s.request(message)
		if out := s.answer(message); out == nil {
			require.Contains(t, strings.ToLower(string(message)), "subscription", "only notifications are lost")
		}
	})
}
