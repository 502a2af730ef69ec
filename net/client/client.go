package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/walletnode/walletnode/chain"
)

// Client asks the instances of one operator. It may be used by many goroutines at once.
type Client struct {
	cfg       Config
	http      *http.Client
	bootstrap []place

	mu        sync.Mutex
	operator  chain.Operator // whose directories are believed; zero before the first
	directory Directory      // the newest that was verified
	owners    map[chain.WalletID]owner
}

// owner is who serves a wallet, as far as is known.
type owner struct {
	epoch uint64
	at    place // nil if it did not answer there
}

// New checks the configuration. It connects to nothing yet.
func New(cfg Config) (*Client, error) {
	places, err := cfg.places()
	if err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Silence == 0 {
		cfg.Silence = DefaultSilence
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // where to go is not for a Location to say
	return &Client{
		cfg: cfg, bootstrap: places, operator: cfg.Operator, owners: map[chain.WalletID]owner{},
		http: &http.Client{Transport: newTransport(cfg), CheckRedirect: stay},
	}, nil
}

// Close ends the client's idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Operator returns whose directories the client believes: the configured one, or the one it trusted first; zero before.
func (c *Client) Operator() chain.Operator {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.operator
}

// Any asks any instance. One that does not answer, or answers 503, is passed over; if all answer 503 that is the answer. The
// caller closes the answer's body. ErrUnreachable if none answers, ErrUnanswered as it says.
func (c *Client) Any(ctx context.Context, r Request) (*http.Response, error) {
	return c.any(ctx, r, c.cfg.Timeout)
}

func (c *Client) any(ctx context.Context, r Request, silence time.Duration) (*http.Response, error) {
	return c.first(ctx, func(p place) (*http.Response, error) { return c.send(ctx, p, r, silence) })
}

// first asks one instance after the other until one answers. Those that do not, or answer 503, are passed over; if nobody else answers,
// a 503 is the answer, and then what those that were heard led to.
func (c *Client) first(ctx context.Context, ask func(place) (*http.Response, error)) (*http.Response, error) {
	var failed failures
	var unwell *http.Response
	for _, p := range c.places() {
		response, err := ask(p)
		switch {
		case err == nil && response.StatusCode != http.StatusServiceUnavailable:
			closeBody(unwell)
			return response, nil
		case err == nil:
			closeBody(unwell)
			unwell = response
		case ctx.Err() != nil, errors.Is(err, ErrUnanswered):
			closeBody(unwell)
			return nil, err
		default:
			failed.add(err)
		}
	}
	if unwell != nil {
		return unwell, nil
	}
	return nil, failed.err()
}

// failures are why instances that were asked one after the other gave no answer.
type failures struct {
	heard   []error // where they led to is refused
	unheard []error // they said nothing
}

func (f *failures) add(err error) {
	for _, refused := range []error{ErrForeignHost, ErrTooManyHops, ErrDirectory, ErrOtherOperator} {
		if errors.Is(err, refused) {
			f.heard = append(f.heard, err)
			return
		}
	}
	f.unheard = append(f.unheard, err)
}

// err is what those that were heard led to; ErrUnreachable if none was.
func (f *failures) err() error {
	if f.heard != nil {
		return errors.Join(f.heard...)
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, errors.Join(f.unheard...))
}

// places returns every known instance in the order to ask them in: those of the configuration, then those that the directory
// adds, each at random, so that clients spread over them.
func (c *Client) places() []place {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Clone(c.bootstrap)
	known := map[origin]bool{}
	for _, p := range list {
		known[p[0]] = true
	}
	shuffle(list)
	if c.directory.valid(time.Now()) != nil {
		return list
	}
	var more []place
	for _, e := range c.directory.Instances {
		p := place(originsOf(e.URLs))
		if len(p) > 0 && !slices.ContainsFunc(p, func(o origin) bool { return known[o] }) {
			more = append(more, p)
		}
	}
	shuffle(more)
	return append(list, more...)
}

func shuffle(list []place) {
	rand.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
}

func closeBody(response *http.Response) {
	if response != nil {
		_ = response.Body.Close() // only read from
	}
}
