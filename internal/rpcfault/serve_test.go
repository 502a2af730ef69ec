package rpcfault

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	stdhttp "net/http"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/walletnode/walletnode/chain"
)

// newProxyOf starts a second endpoint in front of a rig's chain.
func newProxyOf(t testing.TB, r *rig) *rig {
	t.Helper()
	p, err := New(t.Context(), r.chain.URL(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	client, err := rpc.DialContext(t.Context(), p.URL())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &rig{t: t, chain: r.chain, proxy: p, client: client}
}

func (r *rig) post(body string) (status int, answer string) {
	r.t.Helper()
	request, err := stdhttp.NewRequestWithContext(r.t.Context(), stdhttp.MethodPost, r.proxy.HTTPURL(), strings.NewReader(body))
	require.NoError(r.t, err)
	request.Close = true
	response, err := stdhttp.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return response.StatusCode, string(bytes.TrimSpace(text))
}

func TestOnePortServesHTTPAndWebSocketAndBatches(t *testing.T) {
	r := newRig(t, 50)
	_, text := r.post(`{"jsonrpc":"2.0","id":7,"method":"eth_blockNumber"}`)
	require.JSONEq(t, `{"jsonrpc":"2.0","id":7,"result":"0x32"}`, text)
	const batch = `[{"jsonrpc":"2.0","id":1,"method":"eth_chainId"},{"jsonrpc":"2.0","id":2,"method":"eth_nonsense","params":[]}]`
	_, text = r.post(batch)
	require.JSONEq(t, `[{"jsonrpc":"2.0","id":1,"result":"0x539"},`+
		`{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":"the method eth_nonsense does not exist/is not available"}}]`, text)

	r.set(Faults{Lag: 2})
	var number hexutil.Uint64
	var block *told
	elements := []rpc.BatchElem{
		{Method: "eth_blockNumber", Result: &number}, {Method: "eth_getBlockByNumber", Args: []any{"latest", false}, Result: &block},
	}
	require.NoError(t, r.client.BatchCallContext(t.Context(), elements))
	require.Equal(t, hexutil.Uint64(48), number)
	require.Equal(t, chain.Height(48), block.height(), "a batch is ill as single questions are")

	_, text = r.post(`{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}`)
	require.Contains(t, text, "notifications are not supported")
	_, text = r.post(`nonsense`)
	require.Contains(t, text, "-32700")
}

func TestAnErrorPassesWithItsCodeAndData(t *testing.T) {
	r := newRig(t, 50)
	// A contract that reverts with one word: PUSH1 7, PUSH0, MSTORE, PUSH1 32, PUSH0, REVERT.
	err := r.client.CallContext(t.Context(), new(any), "eth_call", map[string]any{"input": "0x60075f5260205ffd"}, "latest")
	var coded rpc.DataError
	require.ErrorAs(t, err, &coded)
	require.Equal(t, "0x"+strings.Repeat("0", 63)+"7", coded.ErrorData())
	var number rpc.Error
	require.ErrorAs(t, err, &number)
	require.Equal(t, 3, number.ErrorCode())
}

func TestAHungEndpointNeverAnswersAndComesBack(t *testing.T) {
	r := newRig(t, 50)
	heads := r.heads()
	r.set(Faults{Hang: true})
	// given has a question given up once it has arrived.
	given := func(question int, ask func(ctx context.Context) error) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- ask(ctx) }()
		require.Eventually(t, func() bool { return r.proxy.Log()[KindHang].Times == question }, hopeless, time.Millisecond)
		require.Empty(t, ended, "it has no answer")
		cancel()
		return next(t, ended)
	}
	asking := func(client *rpc.Client) func(context.Context) error {
		return func(ctx context.Context) error { return client.CallContext(ctx, new(any), "eth_blockNumber") }
	}
	overHTTP, err := rpc.DialContext(t.Context(), r.proxy.HTTPURL())
	require.NoError(t, err)
	defer overHTTP.Close()
	require.ErrorIs(t, given(1, asking(r.client)), context.Canceled)
	require.ErrorIs(t, given(2, asking(overHTTP)), context.Canceled)
	for r.proxy.Log()[KindHang].Times < 3 { // a handshake is given up by its deadline alone, which may come before it has
		dialing, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err = rpc.DialContext(dialing, r.proxy.URL())
		cancel()
		require.Error(t, err, "a new connection is accepted and gets no handshake")
	}
	before := r.proxy.Log()[KindHang].Times
	r.mine(1)
	require.Eventually(t, func() bool { return r.proxy.Log()[KindHang].Times > before }, hopeless, time.Millisecond, "the head is kept")
	r.set(Faults{})
	require.Equal(t, chain.Height(51), r.number())
	r.mine(1)
	require.Equal(t, chain.Height(52), next(t, heads).height(), "the connection stood all the time")
}

func TestACutBreaksEveryConnectionAndNewOnesToo(t *testing.T) {
	r := newRig(t, 50)
	heads := make(chan *told, 1)
	subscription, err := r.client.EthSubscribe(t.Context(), heads, "newHeads")
	require.NoError(t, err)
	r.set(Faults{Cut: true})
	require.Error(t, next(t, subscription.Err()))
	require.Error(t, r.client.CallContext(t.Context(), new(any), "eth_blockNumber"))
	_, err = rpc.DialContext(t.Context(), r.proxy.URL())
	require.Error(t, err)
	log := r.set(Faults{})
	require.GreaterOrEqual(t, log[KindCut].Times, 3)
	require.Equal(t, chain.Height(50), r.number(), "it is back at its address")
}

func TestAnEndpointRefusesByStatus(t *testing.T) {
	r := newRig(t, 50)
	const body = `{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}`
	r.set(Faults{RateLimited: true})
	status, _ := r.post(body)
	require.Equal(t, stdhttp.StatusTooManyRequests, status)
	var coded rpc.Error
	require.ErrorAs(t, r.client.CallContext(t.Context(), new(any), "eth_blockNumber"), &coded)
	require.Equal(t, -32005, coded.ErrorCode())
	log := r.set(Faults{Unauthorized: true})
	require.Equal(t, 2, log[KindRateLimited].Times)
	status, _ = r.post(body)
	require.Equal(t, stdhttp.StatusUnauthorized, status)
	require.Error(t, r.client.CallContext(t.Context(), new(any), "eth_blockNumber"))
	r.set(Faults{})
	require.Equal(t, chain.Height(50), r.number())
}

func TestAnEndpointCanBeSlow(t *testing.T) {
	r := newRig(t, 50)
	r.set(Faults{Slow: 60 * time.Millisecond})
	began := time.Now()
	r.number()
	require.GreaterOrEqual(t, time.Since(began), 60*time.Millisecond)
	require.Equal(t, 1, r.proxy.Log()[KindSlow].Times)
}

func TestAnEndpointSaysWhatItLikesOfItself(t *testing.T) {
	r := newRig(t, 50)
	ask := func(method string) (result any, err error) {
		err = r.client.CallContext(t.Context(), &result, method)
		return result, err
	}
	require.Empty(t, r.set(Faults{
		ChainID: 5, Syncing: true, Peers: &Peers{Count: 2, Self: strings.Repeat("ab", 32), IDs: []string{strings.Repeat("cd", 32)}},
	}))
	for method, want := range map[string]any{"eth_chainId": "0x5", "net_version": "5", "net_peerCount": "0x2"} {
		have, err := ask(method)
		require.NoError(t, err)
		require.Equal(t, want, have)
	}
	syncing, err := ask("eth_syncing")
	require.NoError(t, err)
	require.Contains(t, syncing, "highestBlock")
	self, err := ask("admin_nodeInfo")
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("ab", 32), self.(map[string]any)["id"])
	peers, err := ask("admin_peers")
	require.NoError(t, err)
	require.Len(t, peers, 1)
	require.Equal(t, strings.Repeat("cd", 32), peers.([]any)[0].(map[string]any)["id"])

	log := r.set(Faults{PeersRefused: true, Peers: &Peers{Count: 9}})
	require.Equal(t, 2, log[KindChainID].Times)
	require.Equal(t, 1, log[KindSyncing].Times)
	require.Equal(t, 3, log[KindPeers].Times)
	_, err = ask("net_peerCount")
	var coded rpc.Error
	require.ErrorAs(t, err, &coded)
	require.Equal(t, -32600, coded.ErrorCode())
	_, err = ask("admin_peers")
	require.ErrorAs(t, err, &coded)
	require.Equal(t, -32601, coded.ErrorCode(), "closed, as it mostly is")

	r.set(Faults{Null: true})
	for _, method := range []string{"eth_chainId", "eth_blockNumber", "net_peerCount"} {
		have, err := ask(method)
		require.NoError(t, err)
		require.Nil(t, have)
	}
}

func TestASubscriptionCanFallSilent(t *testing.T) {
	r := newRig(t, 50)
	heads := r.heads()
	r.set(Faults{Silent: true})
	r.mine(2)
	require.Eventually(t, func() bool { return r.proxy.Log()[KindSilent].Times == 2 }, hopeless, time.Millisecond)
	require.Equal(t, chain.Height(52), r.number(), "everything else works")
	r.set(Faults{})
	r.mine(1)
	require.Equal(t, chain.Height(53), next(t, heads).height())
}

func TestASubscriptionEndsWhenAskedTo(t *testing.T) {
	r := newRig(t, 50)
	heads := make(chan *told, 8)
	subscription, err := r.client.EthSubscribe(t.Context(), heads, "newHeads")
	require.NoError(t, err)
	subscription.Unsubscribe()
	r.mine(1)
	require.Equal(t, chain.Height(51), r.number())
	require.Empty(t, heads)
	for range maxSubscriptions {
		r.heads()
	}
	_, err = r.client.EthSubscribe(t.Context(), heads, "newHeads")
	require.ErrorContains(t, err, "too many subscriptions")
}

func TestACloseLeavesNothingBehind(t *testing.T) {
	r := newRig(t, 50)
	r.number() // all that serves the rig has started
	before := goleak.IgnoreCurrent()
	p, err := New(t.Context(), r.chain.URL(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	client, err := rpc.DialContext(t.Context(), p.URL())
	require.NoError(t, err)
	_, err = client.EthSubscribe(t.Context(), make(chan *told, 1), "newHeads")
	require.NoError(t, err)
	_, err = p.Set(t.Context(), Faults{Hang: true})
	require.NoError(t, err)
	ended := make(chan error, 1)
	overHTTP, err := rpc.DialContext(t.Context(), p.HTTPURL())
	require.NoError(t, err)
	go func() { ended <- overHTTP.CallContext(t.Context(), new(any), "eth_blockNumber") }()
	require.Eventually(t, func() bool { return p.Log()[KindHang].Times == 1 }, hopeless, time.Millisecond)
	require.NoError(t, p.Close())
	require.Error(t, next(t, ended))
	client.Close()
	overHTTP.Close()
	stdhttp.DefaultClient.CloseIdleConnections()
	_, err = rpc.DialContext(t.Context(), p.URL())
	require.Error(t, err)
	goleak.VerifyNone(t, before)
}
