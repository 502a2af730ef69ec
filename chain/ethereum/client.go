// Package ethereum reads the host chain through one JSON-RPC endpoint: heads, headers and the contracts that
// coordination depends on. It trusts the endpoint for what it cannot check, which is why package quorum asks
// several; what can be checked (a header's hash, number and links, a log's filter) is.
//
//	config.go, headers.go, client.go, presence.go   an endpoint as it is configured, and asked
//	call.go, throttle.go, handshake.go, retired.go  requests, their rate, and connections
//	errors.go, trouble.go, revert.go                what an error tells of the endpoint, and what of a proposal
//	header.go, feed.go, trail.go                    headers, whose hashes are computed; heads as they come
//	look.go, peers.go                               one poll of all that an endpoint shows
//	contracts.go, redemptions.go, payment.go        what the contracts hold
//	validate.go                                     what the validator contract says of a proposal
//	script.go                                       Bitcoin scripts as the contracts have them
//	broadcast.go                                    transactions that are sent
package ethereum

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	stdhttp "net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/gorilla/websocket"

	"github.com/walletnode/walletnode/chain/ethereum/tbtc"
	"github.com/walletnode/walletnode/internal/socks"
)

// maxResponse is the largest answer read from an endpoint: 8 MiB, about 10 000 logs. A larger one fails the
// request; log queries then ask for fewer blocks. IPC is exempt: it is this host.
const maxResponse = 8 << 20

// ErrWrongChain says that the endpoint serves another chain than the configured one. Waiting does not help.
var ErrWrongChain = errors.New("endpoint serves another chain")

var errClosed = errors.New("endpoint client is closed")

// Client is one endpoint. Its methods may be called from any goroutine.
type Client struct {
	config    Config
	transport scheme
	log       *slog.Logger
	throttle  *throttle // nil without a bound
	http      *stdhttp.Client
	dialer    websocket.Dialer
	bridge    *tbtc.Bridge
	validator *tbtc.WalletProposalValidator

	// conn holds the connection of calls, nil until the first one; who takes it out of the channel may dial. The
	// head feed has a connection of its own, so that making that one anew breaks no call.
	conn    chan *rpc.Client
	retired retired
	closing sync.Once
	closed  chan struct{}
}

// Open checks the configuration and makes a client that has asked nothing yet: it connects at the first use. Close
// releases it.
func Open(config Config, log *slog.Logger) (*Client, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("endpoint configuration: %w", err)
	}
	transport, err := schemeOf(config.URL)
	if err != nil {
		return nil, err
	}
	dial, err := socks.Dialer(config.Proxy)
	if err != nil {
		return nil, fmt.Errorf("endpoint configuration: proxy: %w", err)
	}
	environment := stdhttp.ProxyFromEnvironment
	if config.Proxy != "" {
		environment = nil // one proxy is reached through another by nobody who did not mean to
	}
	config.Headers = config.Headers.clone()
	c := &Client{
		config:    config,
		transport: transport,
		log:       log.With("endpoint", endpointName(config.URL)),
		throttle:  newThrottle(config.RequestsPerSecond),
		http:      newHTTPClient(dial, environment),
		dialer:    newDialer(dial, environment),
		bridge:    tbtc.NewBridge(),
		validator: tbtc.NewWalletProposalValidator(),
		conn:      make(chan *rpc.Client, 1),
		closed:    make(chan struct{}),
	}
	c.conn <- nil
	return c, nil
}

// Dial opens a client and tries the endpoint. An endpoint that does not answer is no error, since a node must start
// while one of its endpoints is away: it is logged, and connected at the next use. An endpoint that answers with
// another chain id than the configured one is ErrWrongChain. Close releases the client.
func Dial(ctx context.Context, config Config, log *slog.Logger) (*Client, error) {
	c, err := Open(config, log)
	if err != nil {
		return nil, err
	}
	switch err := c.checkChain(ctx); {
	case errors.Is(err, ErrWrongChain), ctx.Err() != nil:
		c.Close()
		return nil, err
	case err != nil:
		c.log.Warn("Endpoint does not answer", "error", err)
	}
	return c, nil
}

// Close ends the client's connections; calls in flight fail. Run and Follow must have ended.
func (c *Client) Close() {
	c.closing.Do(func() {
		close(c.closed)
		if conn := <-c.conn; conn != nil { // never put back: later calls find the client closed
			conn.Close()
		}
		c.retired.close()
		c.http.CloseIdleConnections()
	})
}

// ChainID returns the EIP-155 number of the chain that the endpoint serves.
func (c *Client) ChainID(ctx context.Context) (uint64, error) {
	var id hexutil.Uint64
	if err := c.call(ctx, &id, "eth_chainId"); err != nil {
		return 0, err
	}
	return uint64(id), nil
}

func (c *Client) checkChain(ctx context.Context) error {
	id, err := c.ChainID(ctx)
	if err != nil {
		return err
	}
	if c.config.ChainID != 0 && id != c.config.ChainID {
		return fmt.Errorf("%w: chain id %d, configured %d", ErrWrongChain, id, c.config.ChainID)
	}
	return nil
}

// drop gives up a connection on which a request was not answered in time: the next call makes a new one. It may be dead
// without a sign (a router that forgot it), which go-ethereum would notice after a minute of unanswered pings; or merely
// slow, and then the calls that others have under way on it are still answered.
func (c *Client) drop(dead *rpc.Client) {
	select {
	case conn := <-c.conn:
		if conn == dead {
			c.retired.add(conn, c.config.CallTimeout)
			conn = nil
		}
		c.conn <- conn
	default: // being made anew, or the client is closed
	}
}

// connection returns the connection of calls and makes it at first use. Later losses are go-ethereum's to mend:
// its client dials again when a request finds the connection gone.
func (c *Client) connection(ctx context.Context) (*rpc.Client, error) {
	if err := ctx.Err(); err != nil { // the transport may take up a request all the same, and even answer it
		return nil, err
	}
	var conn *rpc.Client
	select {
	case <-c.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("connect: %w", ctx.Err())
	case conn = <-c.conn:
	}
	var err error
	if conn == nil {
		conn, err = c.dial(ctx)
	}
	c.conn <- conn // nil again after a failed dial; never blocks, the place was taken above
	return conn, err
}

// dial makes a new connection.
func (c *Client) dial(ctx context.Context) (*rpc.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.CallTimeout)
	defer cancel()
	conn, err := rpc.DialOptions(ctx, c.config.URL,
		rpc.WithHTTPClient(c.http),
		rpc.WithWebsocketDialer(c.dialer),
		rpc.WithHeaders(stdhttp.Header(c.config.Headers.clone())),
		rpc.WithWebsocketMessageSizeLimit(maxResponse))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// environmentProxy finds the HTTP proxy that the environment names for a request; nil where none is used.
type environmentProxy = func(*stdhttp.Request) (*url.URL, error)

// newHTTPClient makes a client with connections of its own, which Close can end, and capped headers and answers.
func newHTTPClient(dial socks.Dial, environment environmentProxy) *stdhttp.Client {
	transport := stdhttp.DefaultTransport.(*stdhttp.Transport).Clone() //nolint:forcetypeassert // the standard library's own value
	transport.DialContext, transport.Proxy = dial, environment
	transport.MaxIdleConnsPerHost = logWorkers + 1
	transport.IdleConnTimeout = time.Minute
	transport.MaxResponseHeaderBytes = maxHeader
	return &stdhttp.Client{Transport: cappedTransport{transport}}
}

// cappedTransport fails the reading of an answer beyond maxResponse.
type cappedTransport struct{ inner *stdhttp.Transport }

func (t cappedTransport) RoundTrip(request *stdhttp.Request) (*stdhttp.Response, error) {
	response, err := t.inner.RoundTrip(request)
	if err == nil {
		response.Body = stdhttp.MaxBytesReader(nil, response.Body, maxResponse)
	}
	return response, err
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t cappedTransport) CloseIdleConnections() { t.inner.CloseIdleConnections() }
