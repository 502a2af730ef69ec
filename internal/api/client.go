package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	stdnet "net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
)

// ErrUnreachable says that no node answers at the address.
var ErrUnreachable = errors.New("no node answers")

// ErrSilent says that something takes connections at the address and does not answer: it is ErrUnreachable too.
var ErrSilent = fmt.Errorf("%w in time", ErrUnreachable)

// healthTimeout bounds the question whether a node answers at all. It needs nothing but the process itself.
const healthTimeout = 5 * time.Second

// maxAnswer is the largest answer a client reads: a list of 1000 faults with evidence has a few MiB, 1000 windows of
// 1000 wallets some hundred times less.
const maxAnswer = 64 << 20

// maxEvent is the longest line of a watcher, in bytes: an event of a wallet with 255 faults has 50 kB.
const maxEvent = 1 << 20

// Client asks a running node. Its lists take limits of 1 to MaxRows only; 0 is DefaultRows.
type Client struct {
	http    *http.Client
	address string
}

// NewClient makes a client of the API at an address as Listen takes it. It connects to nothing yet.
func NewClient(address string) (*Client, error) {
	network, target, err := split(address)
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	dialer := stdnet.Dialer{Timeout: 5 * time.Second}
	return &Client{address: address, http: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (stdnet.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, target)
			if err != nil {
				return nil, fmt.Errorf("%w at %s: %w", ErrUnreachable, address, err)
			}
			return conn, nil
		},
		ResponseHeaderTimeout: writeTimeout,
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}, nil
}

// Close ends the client's connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request and returns its answer whatever the status; only a failed connection is an error.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	target := "http://localhost" + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", mediaJSON)
	}
	response, err := c.http.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err // the URL says localhost, which would mislead
		}
		var network stdnet.Error
		if !errors.Is(err, ErrUnreachable) && errors.As(err, &network) && network.Timeout() {
			err = fmt.Errorf("%w at %s: %w", ErrSilent, c.address, err)
		}
		return nil, err
	}
	return response, nil
}

// ask reads one document. accepted are statuses beside 200 that come with the document.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body []byte, doc any, accepted ...int) error {
	response, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("read the node's answer: %w", err)
	}
	if len(raw) > maxAnswer {
		return fmt.Errorf("the node's answer is larger than %d bytes: ask for fewer rows", maxAnswer)
	}
	for _, status := range append(accepted, http.StatusOK) {
		if response.StatusCode == status {
			return decodeAnswer(raw, doc)
		}
	}
	return decodeProblem(response.StatusCode, raw)
}

// decodeAnswer reads a document. Fields that a later node added are passed over.
func decodeAnswer(raw []byte, doc any) error {
	if err := json.Unmarshal(raw, doc); err != nil {
		return fmt.Errorf("decode the node's answer: %w", err)
	}
	return nil
}

// remoteError is what a node answered instead of a document.
type remoteError struct {
	message string
	is      error // what the code stands for, nil if it is none of ours
}

func (e remoteError) Error() string { return e.message }
func (e remoteError) Unwrap() error { return e.is }

// decodeProblem makes an error of an answer that is no document.
func decodeProblem(status int, raw []byte) error {
	var p Problem
	if json.Unmarshal(raw, &p) != nil || p.Error.Message == "" {
		return fmt.Errorf("the node answered %d %s", status, http.StatusText(status))
	}
	for _, f := range failures {
		if f.code == p.Error.Code && f.status == status {
			return remoteError{p.Error.Message, f.is}
		}
	}
	return remoteError{message: p.Error.Message}
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values, accepted ...int) (doc T, err error) {
	err = c.ask(ctx, http.MethodGet, path, query, nil, &doc, accepted...)
	return doc, err
}

// Windows implements Records.
func (c *Client) Windows(ctx context.Context, f store.WindowFilter) (view.Windows, error) {
	return get[view.Windows](ctx, c, "/v1/windows", encodeWindows(f))
}

// Window implements Records.
func (c *Client) Window(ctx context.Context, block chain.Height, wallet *chain.WalletID) (view.Trace, error) {
	return get[view.Trace](ctx, c, "/v1/windows/"+strconv.FormatUint(uint64(block), 10), encodeRange(wallet, 0, 0, 0))
}

// Proposals implements Records.
func (c *Client) Proposals(ctx context.Context, f store.WindowFilter) (view.Proposals, error) {
	return get[view.Proposals](ctx, c, "/v1/proposals", encodeRange(f.Wallet, f.From, f.To, f.Limit))
}

// Faults implements Records.
func (c *Client) Faults(ctx context.Context, f faults.Filter) (view.Faults, error) {
	return get[view.Faults](ctx, c, "/v1/faults", encodeFaults(f))
}

// Fault implements Records.
func (c *Client) Fault(ctx context.Context, id string) (view.Fault, error) {
	return get[view.Fault](ctx, c, "/v1/faults/"+url.PathEscape(id), nil)
}

// Scores implements Records.
func (c *Client) Scores(ctx context.Context, f faults.Filter) (view.Scores, error) {
	f.Limit = 0
	return get[view.Scores](ctx, c, "/v1/faults/summary", encodeFaults(f))
}

// Actions implements Records.
func (c *Client) Actions(ctx context.Context, f store.ActionFilter) (view.Actions, error) {
	return get[view.Actions](ctx, c, "/v1/actions", encodeActions(f))
}

// Wallets implements Records.
func (c *Client) Wallets(ctx context.Context) (view.Wallets, error) {
	return get[view.Wallets](ctx, c, "/v1/wallets", nil)
}

// Wallet implements Records.
func (c *Client) Wallet(ctx context.Context, id chain.WalletID) (view.Wallet, error) {
	return get[view.Wallet](ctx, c, "/v1/wallets/"+id.String(), nil)
}

// Readiness asks whether the node can do its work now.
func (c *Client) Readiness(ctx context.Context) (view.Readiness, error) {
	return get[view.Readiness](ctx, c, "/readyz", nil, http.StatusServiceUnavailable)
}

// Healthy asks whether the node answers at all.
func (c *Client) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	_, err := get[Health](ctx, c, "/healthz", nil)
	return err
}

// Status asks for the node at this moment.
func (c *Client) Status(ctx context.Context) (view.Status, error) {
	return get[view.Status](ctx, c, "/v1/status", nil)
}

// Next asks for the coming window.
func (c *Client) Next(ctx context.Context) (view.Next, error) {
	return get[view.Next](ctx, c, "/v1/windows/next", nil)
}

// Explain asks for an election.
func (c *Client) Explain(ctx context.Context, wallet chain.WalletID, window chain.Height) (view.Election, error) {
	query := encodeRange(&wallet, 0, 0, 0)
	query.Set("window", strconv.FormatUint(uint64(window), 10))
	return get[view.Election](ctx, c, "/v1/explain", query)
}

// Peers asks for the known peers.
func (c *Client) Peers(ctx context.Context) (view.Peers, error) {
	return get[view.Peers](ctx, c, "/v1/peers", nil)
}

// Peer asks for one known peer; store.ErrNotFound if the node knows none of that ID.
func (c *Client) Peer(ctx context.Context, id string) (view.Peer, error) {
	return get[view.Peer](ctx, c, "/v1/peers/"+url.PathEscape(id), nil)
}

// Ping asks for the way to a peer and back.
func (c *Client) Ping(ctx context.Context, peer string) (view.Pong, error) {
	return get[view.Pong](ctx, c, "/v1/peers/"+url.PathEscape(peer)+"/ping", nil)
}

// Endpoints asks for the chain's endpoints.
func (c *Client) Endpoints(ctx context.Context) (view.Endpoints, error) {
	return get[view.Endpoints](ctx, c, "/v1/endpoints", nil)
}

// EndpointHistory asks how an endpoint's status changed.
func (c *Client) EndpointHistory(ctx context.Context, name string) (view.EndpointHistory, error) {
	return get[view.EndpointHistory](ctx, c, endpointPath(name, "history"), nil)
}

// Cordon takes an endpoint out of use, or lets it back.
func (c *Client) Cordon(ctx context.Context, name string, cordoned bool) (endpoints view.Endpoints, err error) {
	does := "uncordon"
	if cordoned {
		does = "cordon"
	}
	return endpoints, c.ask(ctx, http.MethodPost, endpointPath(name, does), nil, nil, &endpoints)
}

// ReloadEndpoints has the node read its configuration again.
func (c *Client) ReloadEndpoints(ctx context.Context) (reload view.Reload, err error) {
	return reload, c.ask(ctx, http.MethodPost, "/v1/endpoints/reload", nil, nil, &reload)
}

func endpointPath(name, what string) string {
	return "/v1/endpoints/" + url.PathEscape(name) + "/" + what
}

// LogLevels asks for the levels of the log.
func (c *Client) LogLevels(ctx context.Context) (LogLevels, error) {
	return get[LogLevels](ctx, c, "/v1/log-level", nil)
}

// SetLogLevel changes a level of the log.
func (c *Client) SetLogLevel(ctx context.Context, wish LogLevel) (levels LogLevels, err error) {
	raw, err := marshal(wish)
	if err != nil {
		return levels, err
	}
	return levels, c.ask(ctx, http.MethodPut, "/v1/log-level", nil, raw, &levels)
}

// Goroutines asks what every goroutine does, as text.
func (c *Client) Goroutines(ctx context.Context) ([]byte, error) {
	response, err := c.do(ctx, http.MethodGet, "/v1/goroutines", nil, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	return io.ReadAll(io.LimitReader(response.Body, maxAnswer))
}

// Watch calls see with each event until ctx ends (nil), the node stops or drops the client, or see fails.
func (c *Client) Watch(ctx context.Context, see func(view.Event) error) error {
	response, err := c.do(ctx, http.MethodGet, "/v1/windows/watch", nil, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read from
	if response.StatusCode != http.StatusOK {
		raw, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
		return errors.Join(decodeProblem(response.StatusCode, raw), err)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue // a sign of life
		}
		var e view.Event
		if err := decodeAnswer(lines.Bytes(), &e); err != nil {
			return err
		}
		if err := see(e); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the node no longer answers: %w", err)
	}
	return errors.New("the node has ended the account: it stops, or we were too slow")
}
