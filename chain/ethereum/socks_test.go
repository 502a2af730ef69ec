package ethereum

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/internal/socks/sockstest"
)

// hostOf returns the host:port of a URL.
func hostOf(t *testing.T, address string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	return parsed.Host
}

func TestTheProxyLooksTheEndpointsNameUp(t *testing.T) {
	f := newFake(t, 3)
	for _, scheme := range []string{"http", "ws"} {
		p := sockstest.NewWithPassword(t, map[string]string{"endpoint.onion:8545": hostOf(t, f.http.URL)}, "user", "hunter2")
		cfg := config(scheme + "://endpoint.onion:8545/key")
		cfg.Proxy = p.URL()
		client := open(t, cfg)
		id, err := client.ChainID(t.Context())
		require.NoError(t, err, scheme)
		require.EqualValues(t, 1, id)
		require.Equal(t, []string{"endpoint.onion:8545"}, p.Asked(), scheme)
	}
}

// Heads arrive over a connection of their own, and that one goes through the proxy too.
func TestHeadsArriveThroughTheProxy(t *testing.T) {
	f := newFake(t, 3)
	p := sockstest.New(t, map[string]string{"endpoint.onion:8546": hostOf(t, f.http.URL)})
	cfg := config("ws://endpoint.onion:8546")
	cfg.Proxy = p.URL()
	heads := follow(t, open(t, cfg))
	head := <-heads
	require.Equal(t, f.hash(int(head.Height)), head.Hash)
	require.Contains(t, p.Asked(), "endpoint.onion:8546")
}

func TestAnEndpointOfThisMachineIsReachedWithoutTheProxy(t *testing.T) {
	f := newFake(t, 3)
	p := sockstest.New(t, nil)
	for _, address := range []string{f.http.URL, f.wsURL()} {
		cfg := config(address)
		cfg.Proxy = p.URL()
		_, err := open(t, cfg).ChainID(t.Context())
		require.NoError(t, err)
	}
	require.Empty(t, p.Asked())
}

func TestWhatTheProxyCannotReachIsTrouble(t *testing.T) {
	p := sockstest.NewWithPassword(t, nil, "user", "hunter2")
	for _, proxy := range []string{p.URL(), "socks5://user:wrong@" + p.Address()} {
		for _, scheme := range []string{"http", "ws"} {
			cfg := config(scheme + "://unknown.onion")
			cfg.Proxy = proxy
			_, err := open(t, cfg).ChainID(t.Context())
			wantTrouble(t, chain.TroubleRefused, err)
			require.NotContains(t, err.Error(), "hunter2")
		}
	}
}

func TestBadInputProxyOfAnEndpoint(t *testing.T) {
	cfg := config("ws://endpoint.onion")
	cfg.Proxy = "http://hunter2:1"
	_, err := Open(cfg, testLog())
	require.ErrorContains(t, err, "proxy: want a SOCKS5 proxy")
	require.NotContains(t, err.Error(), "hunter2")
}
