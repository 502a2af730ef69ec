package ethereum

import (
	"context"
	"errors"
	"io"
	"log"
	stdnet "net"
	stdhttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// Both transports end in the same words, so that a person need not know which is in use.
func bothOf(f *fake) []string { return []string{f.http.URL, f.wsURL()} }

func TestTroublesOfTheTransport(t *testing.T) {
	secure := httptest.NewUnstartedServer(stdhttp.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := newFake(t, 1)
	refusing, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := refusing.Addr().String()
	require.NoError(t, refusing.Close())
	for _, test := range []struct {
		host string
		tls  bool
		want chain.Trouble
	}{
		{closed, false, chain.TroubleRefused},
		{"name.that.does.not.exist.invalid:8545", false, chain.TroubleDNS},
		{secure.Listener.Addr().String(), true, chain.TroubleTLS},     // a certificate that nobody vouches for
		{plain.http.Listener.Addr().String(), true, chain.TroubleTLS}, // no TLS there
	} {
		for _, scheme := range []string{"http", "ws"} {
			if test.tls {
				scheme += "s"
			}
			client := open(t, config(scheme+"://"+test.host+"/secret"))
			_, err := client.ChainID(t.Context())
			wantTrouble(t, test.want, err)
			require.NotContains(t, err.Error(), "secret")
			_, err = client.Look(t.Context(), chain.Ask{})
			wantTrouble(t, test.want, err)
			require.NotContains(t, err.Error(), "secret")
		}
	}
}

func TestTroublesOfHTTPStatuses(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		want   chain.Trouble
	}{
		{401, "", chain.TroubleAuth},
		{403, "", chain.TroubleAuth},
		{429, "", chain.TroubleRateLimited},
		{402, "", chain.TroubleRateLimited},
		{504, "", chain.TroubleTimeout},
		{404, "", chain.TroubleMalformed},
		{500, "", chain.TroubleServer},
		{502, "<html>", chain.TroubleServer},
		{400, `{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"Unsupported method: eth_chainId"}}`, chain.TroubleUnsupported},
		{400, `{"error":{"code":-32005,"message":""}}`, chain.TroubleRateLimited},
		{400, `{"error":"what"}`, chain.TroubleServer},
		{200, "", chain.TroubleMalformed},
		{200, `{"jsonrpc":"2.0","id":1,"res`, chain.TroubleMalformed},
		{200, `<html>Welcome</html>`, chain.TroubleMalformed},
		{200, `{"jsonrpc":"2.0","id":1}`, chain.TroubleMalformed},
		{200, `{"jsonrpc":"2.0","id":1,"result":[]}`, chain.TroubleMalformed},
	} {
		server := httptest.NewServer(stdhttp.HandlerFunc(func(w stdhttp.ResponseWriter, _ *stdhttp.Request) {
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))
		for _, scheme := range []string{"http", "ws"} {
			if scheme == "ws" && (test.status == 200 || test.body != "") {
				continue // of a refused handshake only the status is told
			}
			client := open(t, config(scheme+strings.TrimPrefix(server.URL, "http")+"/secret"))
			_, err := client.ChainID(t.Context())
			require.Error(t, err, "%v", test)
			wantTrouble(t, test.want, err)
			_, err = client.Look(t.Context(), chain.Ask{})
			require.Error(t, err, "%v", test)
			wantTrouble(t, test.want, err)
			require.NotContains(t, err.Error(), "secret")
		}
		server.Close()
	}
}

// The codes and words of go-ethereum, EIP-1474 and the common vendors.
func TestTroublesOfErrorsInJSON(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	for _, test := range []struct {
		code int
		text string
		want chain.Trouble
	}{
		{-32601, "the method eth_chainId does not exist/is not available", chain.TroubleUnsupported},
		{-32004, "Method not supported", chain.TroubleUnsupported},
		{-32600, "Unsupported method: net_peerCount", chain.TroubleUnsupported},
		{-32602, "invalid argument 0: hex string without 0x prefix", chain.TroubleUnsupported},
		{-32000, "this method is disabled on your plan; method not allowed", chain.TroubleUnsupported},
		{-32005, "", chain.TroubleRateLimited},
		{-32029, "", chain.TroubleRateLimited},
		{429, "Your app has exceeded its compute units per second capacity", chain.TroubleRateLimited},
		{-32007, "50/second request limit reached", chain.TroubleRateLimited},
		{-32016, "over rate limit", chain.TroubleRateLimited},
		{-32000, "Monthly capacity limit exceeded", chain.TroubleRateLimited},
		{-32000, "Too Many Requests", chain.TroubleRateLimited},
		{-32002, "rejected: Unauthorized", chain.TroubleAuth},
		{-32000, "invalid API key", chain.TroubleAuth},
		{403, "no", chain.TroubleAuth},
		{-32002, "request timed out", chain.TroubleTimeout},
		{-32000, "execution aborted (timeout = 5s)", chain.TroubleTimeout},
		{-32700, "parse error", chain.TroubleMalformed},
		{-32000, "missing trie node 5e (path ) state is not available", chain.TroubleServer},
		{-32603, "Internal error", chain.TroubleServer},
		{-32000, "gas limit reached", chain.TroubleServer},
		{-32000, "header not found", chain.TroubleServer},
	} {
		f.set(func() { f.onAnswer = answers(map[string]any{"chainId": refused{test.code, test.text}}) })
		_, err := client.ChainID(t.Context())
		require.Error(t, err)
		wantTrouble(t, test.want, err)
	}
}

func TestADeadlineIsTheEndpointsTroubleAndACancellationIsNot(t *testing.T) {
	f := newFake(t, 1) // eth_call is never answered
	for _, url := range bothOf(f) {
		settings := config(url)
		client := open(t, settings)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, err := client.WalletState(ctx, chain.WalletID{})
		cancel()
		wantTrouble(t, chain.TroubleTimeout, err)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		settings.CallTimeout = 50 * time.Millisecond
		_, err = open(t, settings).WalletState(t.Context(), chain.WalletID{})
		wantTrouble(t, chain.TroubleTimeout, err)

		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = client.ChainID(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorAs(t, err, new(*chain.EndpointError))
		_, err = client.Look(ctx, chain.Ask{})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorAs(t, err, new(*chain.EndpointError))

		client.Close()
		_, err = client.Look(t.Context(), chain.Ask{})
		require.ErrorIs(t, err, errClosed)
		require.NotErrorAs(t, err, new(*chain.EndpointError))
	}
}

func TestABrokenConnectionIsRefusal(t *testing.T) {
	f := newFake(t, 1)
	f.onCall = func() (hexutil.Bytes, error) {
		f.http.CloseClientConnections()
		return nil, nil
	}
	_, err := open(t, config(f.http.URL)).WalletState(t.Context(), chain.WalletID{})
	wantTrouble(t, chain.TroubleRefused, err)

	// go-ethereum's client forgets to fail a request whose connection ends while it still is busy sending it; the caller's
	// deadline ends that one. A second request is sent only after that, so its arrival says that the first is past it.
	arrived, stopped := make(chan struct{}), make(chan struct{})
	calls := 0
	f.set(func() {
		f.onCall = func() (hexutil.Bytes, error) {
			f.mu.Lock()
			calls++
			call := calls
			f.mu.Unlock()
			switch call {
			case 1:
				close(arrived)
			case 2:
				go func() { defer close(stopped); f.stop() }()
			}
			<-f.over
			return nil, errors.New("gave up")
		}
	})
	client := open(t, config(f.wsURL()))
	var second sync.WaitGroup
	second.Go(func() {
		<-arrived
		_, err := client.WalletState(t.Context(), chain.WalletID{})
		assert.Error(t, err)
	})
	t.Cleanup(func() { second.Wait(); <-stopped })
	_, err = client.WalletState(t.Context(), chain.WalletID{})
	wantTrouble(t, chain.TroubleRefused, err)
}

// What a contract or the chain answers is no trouble of the endpoint that tells it.
func TestRevertsAndMissingBlocksAreNoTrouble(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.http.URL))
	for _, reverted := range []error{
		revert{"execution reverted: no", hexutil.Encode(revertWith("no"))},
		revert{"execution reverted", nil},
		refused{-32000, "execution reverted"},
		refused{3, "odd"},
	} {
		f.set(func() { f.onCall = func() (hexutil.Bytes, error) { return nil, reverted } })
		err := client.ValidateHeartbeat(t.Context(), chain.WalletID{}, [16]byte{})
		require.Error(t, err)
		require.NotErrorAs(t, err, new(*chain.EndpointError), "%v", reverted)
	}
	_, err := client.Header(t.Context(), 9)
	require.ErrorIs(t, err, chain.ErrNotFound)
	require.NotErrorAs(t, err, new(*chain.EndpointError))
}

// A rate of our own is no trouble of the endpoint: polls do not wait for it, and a call that must says why it was not made.
func TestOurOwnRateIsNoTroubleOfTheEndpoint(t *testing.T) {
	f := newFake(t, 5)
	settings := config(f.http.URL)
	settings.RequestsPerSecond = 1
	client := open(t, settings)
	for range 3 {
		_, err := client.Look(t.Context(), chain.Ask{Peers: true, From: 1, To: 3})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := client.ChainID(ctx) // the polls owe for half a minute
	require.ErrorIs(t, err, chain.ErrThrottled)
	require.NotErrorAs(t, err, new(*chain.EndpointError))
	require.NoError(t, ctx.Err(), "what cannot be is not waited for")
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err = client.ChainID(ctx)
	require.ErrorIs(t, err, context.Canceled)
	_, err = client.Room(ctx, 1)
	require.ErrorIs(t, err, context.Canceled)
}

func TestRoomIsASecondsWorthAtMost(t *testing.T) {
	f := newFake(t, 5)
	unlimited, err := open(t, config(f.http.URL)).Room(t.Context(), chain.MaxBatch)
	require.NoError(t, err)
	require.Equal(t, chain.MaxBatch, unlimited)
	settings := config(f.http.URL)
	settings.RequestsPerSecond = 20
	client := open(t, settings)
	began := time.Now()
	for range 3 {
		n, err := client.Room(t.Context(), chain.MaxBatch)
		require.NoError(t, err)
		require.Equal(t, 20, n)
		_, err = client.Headers(t.Context(), 1, 10)
		require.NoError(t, err)
	}
	require.GreaterOrEqual(t, time.Since(began), time.Second, "what was taken is waited for")
}
