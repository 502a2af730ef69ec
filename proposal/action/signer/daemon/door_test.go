package daemon

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	stdnet "net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/walletnode/walletnode/proposal/action/signer"
)

// bounded starts a second server of a world, with other bounds, and has the world's clients ask it.
func (w *world) bounded(t *testing.T, change func(*bounds)) *Server {
	t.Helper()
	s, err := NewServer(w.backend, w.self, Access{}, slog.New(slog.NewTextHandler(w.log, nil)))
	require.NoError(t, err)
	change(&s.bounds)
	w.server = s
	w.permit(t, roles(), "*")
	w.url = serveOn(t, s)
	w.config.URL = w.url
	return s
}

// connect makes a TLS connection as somebody who speaks a protocol. It is not known yet whether the server lets him in.
func (w *world) connect(t *testing.T, id Identity, protocol string) *tls.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{ //nolint:gosec // the test's own server
		InsecureSkipVerify: true, Certificates: []tls.Certificate{id.Certificate}, NextProtos: []string{protocol},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn
}

// ended waits until the other side has closed a connection, and returns what it said before that.
func ended(t *testing.T, conn stdnet.Conn) string {
	t.Helper()
	said, err := io.ReadAll(conn)
	var late stdnet.Error
	require.False(t, err != nil && asTimeout(err, &late), "the connection is still open")
	return string(said)
}

func asTimeout(err error, late *stdnet.Error) bool {
	e, ok := err.(stdnet.Error) //nolint:errorlint // of the connection itself
	*late = e
	return ok && e.Timeout()
}

// hello begins HTTP/2: the preface and empty settings.
const hello = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

func TestAStrangerHoldsNoConnection(t *testing.T) {
	w := newWorld(t)
	s := w.bounded(t, func(b *bounds) { b.connections, b.perClient, b.linger = 1, 1, patience })
	stranger, _, _ := identity(t)
	for range 5 {
		conn := w.connect(t, stranger, "h2")
		_, err := conn.Read(make([]byte, 1))
		require.ErrorContains(t, err, "bad certificate", "he is told, though the handshake is over for him")
	}
	_, err := w.dial(t).Health(t.Context())
	require.NoError(t, err, "there is one connection, and it is the client's")
	require.Equal(t, []any{"health"}, w.backend.heard())
	require.NotNil(t, s)
}

func TestSlowHandshakesGiveWay(t *testing.T) {
	w := newWorld(t)
	w.bounded(t, func(b *bounds) { b.handshakes, b.header = 2, patience })
	var silent []stdnet.Conn
	for range 6 {
		conn, err := stdnet.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
		silent = append(silent, conn)
	}
	_, err := w.dial(t).Health(t.Context())
	require.NoError(t, err, "who says nothing delays nobody")
	for _, conn := range silent[:4] {
		require.Empty(t, ended(t, conn))
	}
}

func TestAHandshakeEnds(t *testing.T) {
	w := newWorld(t)
	w.bounded(t, func(b *bounds) { b.header, b.linger = 50*time.Millisecond, 50*time.Millisecond })
	conn, err := stdnet.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	ended(t, conn)
}

func TestOneClientDoesNotTakeAllConnections(t *testing.T) {
	w := newWorld(t)
	s := w.bounded(t, func(b *bounds) { b.connections, b.perClient, b.linger = 3, 2, 50*time.Millisecond })
	other, certificate, key := identity(t)
	access, err := NewAccess([]Permission{{"node", w.node.Fingerprint, roles(), []string{"*"}}, {"other", other.Fingerprint, roles(), []string{"*"}}})
	require.NoError(t, err)
	s.SetAccess(access)
	for range 2 {
		conn := w.connect(t, w.node, "h2")
		_, err := io.WriteString(conn, hello)
		require.NoError(t, err)
		_, err = conn.Read(make([]byte, 1)) // the server's settings: it is let in
		require.NoError(t, err)
	}
	ended(t, w.connect(t, w.node, "h2"))
	second := w.dial(t, func(c *Config) { c.Certificate, c.Key = certificate, key })
	_, err = second.Health(t.Context())
	require.NoError(t, err)
	second.Close()

	// A place is given back when a connection ends, which the server learns a moment later: who is refused meanwhile asks again.
	own := w.connect(t, other, "h2")
	require.NoError(t, own.Close())
	_, err = w.dial(t, func(c *Config) { c.Certificate, c.Key = certificate, key }).Keys(t.Context(), nil, 1)
	require.NoError(t, err)
}

// Connections that rest are closed, whichever protocol they speak, and those whose next request never becomes whole.
func TestConnectionsThatRestAreClosed(t *testing.T) {
	w := newWorld(t)
	w.bounded(t, func(b *bounds) { b.idle, b.header = 50*time.Millisecond, 50*time.Millisecond })
	get := "GET /v1/health HTTP/1.1\r\nHost: signer\r\n"
	for name, row := range map[string]struct{ protocol, says string }{
		"HTTP/1, nothing":                {"http/1.1", ""},
		"HTTP/1, after a request":        {"http/1.1", get + "\r\n"},
		"HTTP/1, half a header":          {"http/1.1", get},
		"HTTP/1, half the second header": {"http/1.1", get + "\r\n" + get},
		"HTTP/2, a greeting":             {"h2", hello},
		"HTTP/2, half a header":          {"h2", hello + "\x00\x01\x00\x01\x04\x00\x00\x00\x01half"},
	} {
		t.Run(name, func(t *testing.T) {
			conn := w.connect(t, w.node, row.protocol)
			_, _ = io.WriteString(conn, row.says) // the server may have closed it already
			ended(t, conn)
		})
	}
}

func TestABodyThatDoesNotComeEnds(t *testing.T) {
	w := newWorld(t)
	s := w.bounded(t, func(b *bounds) { b.read = 200 * time.Millisecond })
	path := "/v1/sign/" + w.session.String() + "/round/2"
	conn := w.connect(t, w.node, "http/1.1")
	_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: signer\r\nContent-Length: 100\r\n\r\n{", path)
	require.NoError(t, err)
	require.Contains(t, ended(t, conn), "400 Bad Request")

	c := w.dial(t)
	endless, writer := io.Pipe() // nobody ever writes to it
	t.Cleanup(func() { _ = writer.Close() })
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, endless)
	require.NoError(t, err)
	response, err := c.http.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 2, response.ProtoMajor)
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.Empty(t, s.slots, "neither has a place any more")
	require.Empty(t, w.backend.heard())
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestWhatNeverEndsIsCutOff(t *testing.T) {
	w := newWorld(t)
	c := w.dial(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/sign/"+w.session.String()+"/round/2", zeros{})
	require.NoError(t, err)
	response, err := c.http.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusRequestEntityTooLarge, response.StatusCode)

	conn := w.connect(t, w.node, "http/1.1")
	_, err = io.WriteString(conn, "GET /v1/health HTTP/1.1\r\nHost: signer\r\nX: ")
	require.NoError(t, err)
	line := []byte(strings.Repeat("x", 4096))
	for err == nil { // until the server has had enough
		_, err = conn.Write(line)
	}
	require.False(t, asTimeout(err, new(stdnet.Error)))

	long, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/v1/health", nil)
	require.NoError(t, err)
	long.Header.Set("X", strings.Repeat("x", 2*maxHeader))
	_, err = c.http.Do(long) //nolint:bodyclose // there is no response
	require.Error(t, err)
	require.Empty(t, w.backend.heard())
	_, err = c.Health(t.Context())
	require.NoError(t, err, "others are served")
}

// A client that takes all that it can, and gives nothing back, leaves room for the others.
func TestOneClientDoesNotTakeAllRequests(t *testing.T) {
	w := newWorld(t)
	other, certificate, key := identity(t)
	access, err := NewAccess([]Permission{{"node", w.node.Fingerprint, roles(), []string{"*"}}, {"other", other.Fingerprint, roles(), []string{"*"}}})
	require.NoError(t, err)
	w.server.SetAccess(access)
	w.backend.entered, w.backend.released = make(chan struct{}, maxOfClient), make(chan struct{})
	greedy := w.dial(t)
	done := make(chan error, maxOfClient)
	for range maxOfClient {
		go func() { // past the client's own bound
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/v1/sign/"+w.session.String()+"/round/2",
				strings.NewReader(`{"term":{"generation":0,"epoch":0}}`))
			if err == nil {
				var response *http.Response
				if response, err = greedy.http.Do(request); err == nil {
					err = response.Body.Close()
				}
			}
			done <- err
		}()
	}
	for range maxOfClient {
		<-w.backend.entered
	}
	_, err = greedy.Health(t.Context())
	require.ErrorIs(t, err, signer.ErrBusy)
	_, err = w.dial(t, func(c *Config) { c.Certificate, c.Key = certificate, key }).Health(t.Context())
	require.NoError(t, err)
	close(w.backend.released)
	for range maxOfClient {
		require.NoError(t, <-done)
	}
	require.Eventually(t, func() bool { // the last one gives its place back after its answer has left
		_, err := greedy.Health(t.Context())
		return err == nil
	}, patience, time.Millisecond)
}

// An alert in the handshake is an answer, not a network that is away: it is not asked again, and who was refused learns why.
func TestAClientThatIsNotListedIsTold(t *testing.T) {
	w := newWorld(t)
	w.server.SetAccess(Access{})
	_, err := w.dial(t).Key(t.Context(), w.key.Wallet)
	require.ErrorIs(t, err, signer.ErrForbidden)
	require.NotErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, w.node.Fingerprint.String())
	require.ErrorContains(t, err, "client add")
}
