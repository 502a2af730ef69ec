package metrics

import (
	"context"
	"io"
	"log/slog"
	stdnet "net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// scrape is what Prometheus does.
func scrape(t testing.TB, r *Recorder) string {
	t.Helper()
	server := httptest.NewServer(r.Handler())
	defer server.Close()
	return get(t, server.URL, http.StatusOK)
}

func get(t testing.TB, url string, status int) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	response, err := client.Get(url)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, status, response.StatusCode, "%s", body)
	return string(body)
}

func TestServeAnswersUntilItsContextEndsAndLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server, err := Listen(t.Context(), "127.0.0.1:0", quiet())
	require.NoError(t, err)
	address := server.listener.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()

	body := get(t, "http://"+address+"/metrics", http.StatusOK)
	require.Contains(t, body, "\nwalletnode_state{state=\"starting\"} 1\n")
	require.Contains(t, body, "\nwalletnode_build_info{")
	require.NotContains(t, body, "walletnode_head_block")
	server.Open(newRecorder(&node{}))
	body = get(t, "http://"+address+"/metrics", http.StatusOK)
	for _, name := range []string{"walletnode_head_block", "walletnode_build_info{", "go_goroutines", "process_start_time_seconds"} {
		require.Contains(t, body, "\n"+name)
	}
	get(t, "http://"+address+"/", http.StatusNotFound)
	response, err := http.Post("http://"+address+"/metrics", "text/plain", nil) //nolint:gosec // the test's own server
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusMethodNotAllowed, response.StatusCode)

	idle, err := stdnet.Dial("tcp", address) // a client that connects and says nothing does not hold the server
	require.NoError(t, err)
	defer func() { require.NoError(t, idle.Close()) }()
	stop()
	require.NoError(t, <-served)
	http.DefaultClient.CloseIdleConnections()
	server.Close()
	again, err := Listen(t.Context(), address, quiet()) // the address is free
	require.NoError(t, err)
	again.Close()
}

func TestWithoutAnAddressNothingIsServed(t *testing.T) {
	server, err := Listen(t.Context(), "", quiet())
	require.NoError(t, err)
	defer server.Close()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	stop()
	require.NoError(t, <-served)
}

func TestServeTellsThatItsListenerFailed(t *testing.T) {
	server, err := Listen(t.Context(), "127.0.0.1:0", quiet())
	require.NoError(t, err)
	server.Close()
	require.ErrorIs(t, server.Serve(t.Context()), stdnet.ErrClosed)
}

func TestAddressInUseIsAnErrorThatNamesIt(t *testing.T) {
	first, err := Listen(t.Context(), "127.0.0.1:0", quiet())
	require.NoError(t, err)
	defer first.Close()
	address := first.listener.Addr().String()
	_, err = Listen(t.Context(), address, quiet())
	require.ErrorContains(t, err, "take the address for metrics: listen tcp "+address+": bind: address already in use")
}
