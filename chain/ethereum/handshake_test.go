package ethereum

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	stdnet "net"
	stdhttp "net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/chain"
)

// secured serves a handler over TLS, and returns its address and how a client comes to believe it.
func secured(t testing.TB, handler stdhttp.Handler) (host string, trust *tls.Config, server *httptest.Server) {
	t.Helper()
	server = httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.Listener.Addr().String(), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, server
}

// endless answers every request on a listener with headers without end.
func endless(t testing.TB, status string, listener stdnet.Listener) {
	t.Helper()
	line := append(append([]byte("X: "), bytes.Repeat([]byte("a"), 1<<20)...), "\r\n"...)
	var running sync.WaitGroup
	answer := func(conn stdnet.Conn) {
		defer func() { _ = conn.Close() }()
		if _, err := stdhttp.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, err := fmt.Fprintf(conn, "HTTP/1.1 %s\r\n", status)
		for err == nil { // until the client hangs up
			_, err = conn.Write(line)
		}
	}
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { answer(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
}

// Cause: neither go-ethereum nor the library below it bounds the headers that answer an upgrade. An endpoint that sent
// them for the two seconds of a poll took half a gigabyte.
func TestEndlessHeadersEndTheConnectionAndTakeNoMemory(t *testing.T) {
	_, trust, certified := secured(t, stdhttp.NotFoundHandler())
	for _, test := range []struct{ scheme, status string }{
		{"ws", "101 Switching Protocols"},
		{"ws", "200 OK"},
		{"wss", "101 Switching Protocols"},
		{"http", "200 OK"},
		{"http", "103 Early Hints"},
	} {
		listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if test.scheme == "wss" {
			listener = tls.NewListener(listener, certified.TLS)
		}
		endless(t, test.status, listener)
		client := open(t, config(test.scheme+"://"+listener.Addr().String()))
		client.dialer.TLSClientConfig = trust

		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = client.Look(t.Context(), chain.Ask{})
		runtime.ReadMemStats(&after)
		wantTrouble(t, chain.TroubleMalformed, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		if test.scheme != "http" {
			require.ErrorIs(t, err, errHandshakeTooLarge)
		}
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "%s, bytes allocated", test.scheme)
		require.Less(t, len(err.Error()), 400)
	}
}

// The bound is the handshake's alone: what comes over the connection afterwards is bounded message by message.
func TestAConnectionCarriesMoreThanItsHandshakeMay(t *testing.T) {
	f := newFake(t, 1)
	f.onCall = func() (hexutil.Bytes, error) { return make([]byte, maxHandshake), nil }
	host, trust, _ := secured(t, stdhttp.HandlerFunc(f.serve))
	for _, url := range []string{f.wsURL(), "wss://" + host} {
		client := open(t, config(url))
		client.dialer.TLSClientConfig = trust
		for range 3 {
			var answer hexutil.Bytes
			require.NoError(t, client.call(t.Context(), &answer, "eth_call", map[string]any{}, "latest"))
			require.Len(t, answer, maxHandshake)
		}
		client.Close()
	}
}

// go-ethereum dials anew by itself when a connection was lost; the bound stands there too.
func TestAConnectionMadeAnewHasABoundOfItsOwn(t *testing.T) {
	f := newFake(t, 1)
	client := open(t, config(f.wsURL()))
	_, err := client.ChainID(t.Context())
	require.NoError(t, err)
	f.set(func() { f.flood = strings.Repeat("a", maxHandshake) })
	f.http.CloseClientConnections()
	f.stop()
	f.start()
	require.Eventually(t, func() bool { // until the loss is noticed
		_, err = client.ChainID(t.Context())
		return errors.Is(err, errHandshakeTooLarge)
	}, time.Minute, time.Millisecond)
	f.set(func() { f.flood = "" })
	_, err = client.ChainID(t.Context())
	require.NoError(t, err)
}

// Cause: the library that dials a WebSocket minds its context's deadline and not its end, so whoever gave up on a silent
// endpoint waited for the deadline all the same.
func TestASilentHandshakeEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	listener, err := stdnet.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	c := config("ws://" + listener.Addr().String())
	c.CallTimeout = time.Minute
	client, err := Open(c, testLog())
	require.NoError(t, err)
	defer client.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	ended := make(chan error, 1)
	go func() {
		_, err := client.ChainID(ctx)
		ended <- err
	}()
	conn, err := listener.Accept()
	require.NoError(t, err)
	_, err = stdhttp.ReadRequest(bufio.NewReader(conn))
	require.NoError(t, err, "the handshake is under way")
	cancel()
	require.Error(t, <-ended)
	require.Less(t, time.Since(began), c.CallTimeout/2)
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "nothing is left of it")
	require.NoError(t, conn.Close())
}

// TestAStuckWriteEnds though its deadline is far: with a peer that takes nothing any more.
func TestAStuckWriteEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := stdnet.Pipe()
		defer func() { require.NoError(t, errors.Join(ours.Close(), theirs.Close())) }()
		conn := newHandshake(t.Context(), ours)
		require.NoError(t, conn.SetDeadline(time.Time{}))
		for _, deadline := range []time.Time{{}, time.Now().Add(time.Hour)} {
			began := time.Now()
			require.NoError(t, conn.SetWriteDeadline(deadline))
			_, err := conn.Write(make([]byte, handshakeBuffer))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, stuckWrite, time.Since(began))
		}
		began := time.Now()
		require.NoError(t, conn.SetWriteDeadline(began.Add(stuckWrite/2)))
		_, err := conn.Write(make([]byte, handshakeBuffer))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Equal(t, stuckWrite/2, time.Since(began), "an earlier one counts")
	})
}

// TestAConnectionOutlivesTheContextThatItWasDialedIn, as it must: calls share it.
func TestAConnectionOutlivesTheContextThatItWasDialedIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := stdnet.Pipe()
		defer func() { require.NoError(t, errors.Join(ours.Close(), theirs.Close())) }()
		ctx, cancel := context.WithCancel(t.Context())
		conn := newHandshake(ctx, ours)
		require.NoError(t, conn.SetDeadline(time.Time{}))
		cancel()
		synctest.Wait()
		go func() { _, _ = theirs.Write([]byte("x")) }()
		n, err := conn.Read(make([]byte, 1))
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
}
