package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/walletnode/walletnode/chain"
	"github.com/walletnode/walletnode/faults"
	"github.com/walletnode/walletnode/internal/store"
	"github.com/walletnode/walletnode/internal/view"
	"github.com/walletnode/walletnode/net/client"
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

// Client asks a running node, or any of an operator's instances. Its lists take limits of 1 to MaxRows only; 0 is defaultRows.
type Client struct {
	// Stale, if it is set, is told of each answer that is not of now, because the database does not answer, how old it is.
	Stale func(age time.Duration)

	way   way
	close func()
}

// way is how a Client's questions get there.
type way interface {
	// Any sends a request and returns its answer whatever the status; only what does not get there is an error.
	Any(ctx context.Context, r client.Request) (*http.Response, error)
	// Wallet is Any for what a wallet's own instance alone can answer.
	Wallet(ctx context.Context, wallet chain.WalletID, r client.Request) (*http.Response, error)
	// Located is Any for what one instance alone has, which others name.
	Located(ctx context.Context, r client.Request) (*http.Response, error)
	// Watch reads a stream of lines until ctx ends or see fails.
	Watch(ctx context.Context, path string, see func(client.Update) error) error
}

// NewClient makes a client of the API at an address of this machine as Listen takes it. It connects to nothing yet.
func NewClient(address string) (*Client, error) {
	l, err := newLocal(address)
	if err != nil {
		return nil, fmt.Errorf("API: %w", err)
	}
	return &Client{way: l, close: l.http.CloseIdleConnections}, nil
}

// NewRemote makes a client that asks any instance, or the one that is responsible for a wallet. Closing it closes the other.
func NewRemote(instances *client.Client) *Client {
	return &Client{way: remote{instances}, close: instances.Close}
}

// Close ends the client's connections.
func (c *Client) Close() { c.close() }

// ask reads one document. accepted are statuses beside 200 that come with the document.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, body []byte, doc any, accepted ...int) error {
	response, err := c.do(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if age, stale := staleness(response.Header); stale && c.Stale != nil {
		c.Stale(age)
	}
	return readDocument(response, doc, accepted...)
}

func (c *Client) do(ctx context.Context, method, path string, query url.Values, body []byte) (*http.Response, error) {
	return c.way.Any(ctx, client.Request{Method: method, Path: path, Query: query, Body: body})
}

func readDocument(response *http.Response, doc any, accepted ...int) error {
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

// Watch calls see with each event until ctx ends (nil), the node stops or drops the client, or see fails. Of many instances
// another one goes on when one stops, and an event tells of the gap.
func (c *Client) Watch(ctx context.Context, see func(view.Event) error) error {
	err := c.way.Watch(ctx, "/v1/windows/watch", func(u client.Update) error {
		if u.Gap {
			return see(view.NewGap(view.Time(u.Since), view.Time(time.Now())))
		}
		var e view.Event
		if err := decodeAnswer(u.Line, &e); err != nil {
			return err
		}
		return see(e)
	})
	var refused *client.AnswerError
	switch {
	case ctx.Err() != nil:
		return nil //nolint:nilerr // the caller has ended it
	case errors.As(err, &refused):
		return decodeProblem(refused.Status, refused.Body)
	}
	return err
}
