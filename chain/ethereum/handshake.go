package ethereum

import (
	"context"
	"errors"
	stdnet "net"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/walletnode/walletnode/internal/socks"
)

const (
	// maxHandshake is how many bytes an endpoint may send, 128 KiB, before a WebSocket is there: TLS, where there is
	// any, and the answer to the upgrade. A long chain of certificates takes 10 KiB, headers take 1.
	maxHandshake = 128 << 10
	// maxHeader is how many bytes the headers of an HTTP answer may have, 64 KiB.
	maxHeader = 64 << 10
	// handshakeBuffer is the size of a WebSocket's buffers in bytes; longer messages pass through them in pieces.
	handshakeBuffer = 1024
	// stuckWrite is how long an endpoint may take for a piece of a message. Nothing else ends a write whose caller has given
	// up: the library looks at deadlines alone.
	stuckWrite = time.Second
)

// errHandshakeTooLarge ends a connection whose handshake goes on for longer than maxHandshake. The library that reads it
// has no bound of its own: without this one endless headers fill the memory until the deadline.
var errHandshakeTooLarge = errors.New("the endpoint's handshake is too large")

// headerTooLargeText finds net/http's error of an answer with more than maxHeader bytes of headers, which has no type.
var headerTooLargeText = regexp.MustCompile(`^net/http: (.*: )?server response headers exceeded|^http2: response header list larger`)

// newDialer makes what WebSocket connections are dialed with. One that is made anew after a loss passes here too.
func newDialer(dial socks.Dial, environment environmentProxy) websocket.Dialer {
	return websocket.Dialer{
		ReadBufferSize:  handshakeBuffer,
		WriteBufferSize: handshakeBuffer,
		WriteBufferPool: new(sync.Pool),
		Proxy:           environment,
		NetDialContext: func(ctx context.Context, network, address string) (stdnet.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newHandshake(ctx, conn), nil
		},
	}
}

// handshake is a connection of which no more than maxHandshake bytes are read until the upgrade is done. The bound is
// below TLS, so it holds for that too, and for what a proxy on the way answers. Until then it ends with the context of who
// dials: the library ends it at the context's deadline, and not when the context is canceled.
type handshake struct {
	stdnet.Conn
	left  atomic.Int64 // bytes that may still come
	over  atomic.Bool
	untie func() bool
}

func newHandshake(ctx context.Context, conn stdnet.Conn) *handshake {
	h := &handshake{Conn: conn}
	h.left.Store(maxHandshake)
	h.untie = context.AfterFunc(ctx, func() { _ = conn.Close() })
	return h
}

// Read implements stdnet.Conn.
func (h *handshake) Read(into []byte) (int, error) {
	if h.over.Load() {
		return h.Conn.Read(into)
	}
	left := h.left.Load()
	if left <= 0 {
		return 0, errHandshakeTooLarge
	}
	n, err := h.Conn.Read(into[:min(int64(len(into)), left)])
	h.left.Add(-int64(n))
	return n, err
}

// SetDeadline implements stdnet.Conn. Taking the deadline away is the last thing that the WebSocket library does of a
// handshake, once it has found the answer to be right, and nothing else takes it away before.
func (h *handshake) SetDeadline(at time.Time) error {
	if at.IsZero() {
		h.untie()
		h.over.Store(true)
	}
	return h.Conn.SetDeadline(at)
}

// SetWriteDeadline implements stdnet.Conn. It is called for each piece of a message.
func (h *handshake) SetWriteDeadline(at time.Time) error {
	if latest := time.Now().Add(stuckWrite); at.IsZero() || at.After(latest) {
		at = latest
	}
	return h.Conn.SetWriteDeadline(at)
}
