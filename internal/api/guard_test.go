package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
)

const word = "0123456789abcdef0123456789abcdef"

func TestATokenIsAskedFor(t *testing.T) {
	w := newWorld(t)
	w.Guard = Guard{Token: word}
	ask := func(path, authorization string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "localhost"
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		return answerOf(w.Handler(), r)
	}
	require.Equal(t, http.StatusOK, ask("/v1/wallets", "Bearer "+word).Code)
	for _, wrong := range []string{"", word, "Bearer", "Bearer ", "Bearer " + word[1:], "Bearer " + word + "0", "bearer " + word, "Basic " + word} {
		answer := ask("/v1/wallets", wrong)
		require.Equal(t, http.StatusUnauthorized, answer.Code, wrong)
		require.Equal(t, "Bearer", answer.Header().Get("WWW-Authenticate"))
		require.ErrorIs(t, decodeProblem(answer.Code, answer.Body.Bytes()), ErrUnauthorized)
	}
	require.Equal(t, http.StatusOK, ask("/healthz", "").Code, "which tells nothing")
	require.Equal(t, http.StatusUnauthorized, ask("/readyz", "").Code)
	require.Equal(t, http.StatusUnauthorized, ask("/nowhere", "").Code, "not even what there is")
}

func TestRequestsForOtherHostsAreRefused(t *testing.T) {
	w := newWorld(t)
	ask := func(g Guard, host string) int {
		w.Guard = g
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/wallets", nil)
		r.Host = host
		r.Header.Set("Authorization", "Bearer "+word)
		return answerOf(w.Handler(), r).Code
	}
	urls := []string{"https://A.example:9602", "http://abc.onion", "https://[2001:db8::1]:1"}
	guard := Guard{Token: word, URLs: urls}
	for _, host := range []string{"a.example", "A.EXAMPLE:9602", "abc.onion:80", "[2001:db8::1]", "127.0.0.1:1", "localhost"} {
		require.Equal(t, http.StatusOK, ask(guard, host), host)
	}
	for _, host := range []string{"b.example", "a.example.evil", "", "2001:db8::2"} {
		require.Equal(t, http.StatusForbidden, ask(guard, host), host)
	}
	require.Equal(t, http.StatusForbidden, ask(Guard{URLs: urls}, "a.example"), "without a token this machine's own names alone")
}

// An instance is asked over TLS, with a token, at an address that others reach, by the client that they use.
func TestInstancesAreAskedOverTLS(t *testing.T) {
	w := newWorld(t)
	borrowed := httptest.NewTLSServer(http.NotFoundHandler()) // for its certificate
	defer borrowed.Close()
	guard := Guard{Token: word, URLs: []string{"https://example.com"}, TLS: &tls.Config{Certificates: borrowed.TLS.Certificates, MinVersion: tls.VersionTLS12}}
	listener, err := Listen(t.Context(), "0.0.0.0:0", guard)
	require.NoError(t, err)
	entrance := NewEntrance(func() view.Status { return view.Status{} }, w.Logger)
	entrance.Open(w.Server)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- entrance.Serve(ctx, listener, guard) }()
	defer func() {
		cancel()
		require.NoError(t, <-served)
	}()

	_, port, err := stdnet.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(borrowed.Certificate())
	reach := func(token string) *Client {
		instances, err := client.New(client.Config{
			Bootstrap: []string{"https://example.com"}, Token: token, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			Dial: func(ctx context.Context, network, _ string) (stdnet.Conn, error) {
				return new(stdnet.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
			},
		})
		require.NoError(t, err)
		c := NewRemote(instances)
		t.Cleanup(c.Close)
		return c
	}
	list, err := reach(word).Wallets(ctx)
	require.NoError(t, err)
	require.Len(t, list.Wallets, 1)
	owner, err := reach(word).Serving(ctx, w.live.wallet.ID())
	require.NoError(t, err)
	require.Equal(t, "a", owner.Owner)
	_, err = reach("another").Wallets(ctx)
	require.ErrorIs(t, err, ErrUnauthorized)
	require.ErrorIs(t, reach("another").Watch(ctx, func(view.Event) error { return nil }), ErrUnauthorized)
}

func TestInstancesThatCannotBeReachedAreSaidToBeSo(t *testing.T) {
	instances, err := client.New(client.Config{Bootstrap: []string{"http://127.0.0.1:1"}})
	require.NoError(t, err)
	c := NewRemote(instances)
	defer c.Close()
	_, err = c.Status(t.Context())
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorIs(t, c.Watch(t.Context(), func(view.Event) error { return nil }), ErrUnreachable)
}
